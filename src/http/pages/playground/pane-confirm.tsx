// The box of the second step: confirms the address by the code of the mail, and sends another mail.
import { en, useAction, useClient, useUser } from '@sallyport/react'
import { useEffect, useState } from 'react'
import { facts } from './facts.ts'
import { CodeField, Field, Outcome, Panel, sentenceOf } from './parts.tsx'

function Lead() {
  return (
    <p>
      Type the six digits of the mail.{' '}
      {facts.hasInbox && (
        <>
          It was captured: read it in the{' '}
          <a href={`${facts.base}/inbox`} target="_blank" rel="noreferrer">
            inbox of this service
          </a>
          .
        </>
      )}
    </p>
  )
}

const Confirmed = ({ email }: { email: string }) => (
  <Panel title="Your address is confirmed">
    <p>
      <strong>{email}</strong> belongs to you, and the service knows it.
    </p>
  </Panel>
)

export function ConfirmAddress() {
  const user = useUser()
  const client = useClient()
  const action = useAction(en)
  const [email, setEmail] = useState('')
  useEffect(() => {
    if (user) setEmail(user.email)
  }, [user])
  if (user?.email_verified_at) return <Confirmed email={user.email} />
  return (
    <Panel title="Confirm your address">
      <form
        className="sp-form"
        aria-label="Confirm your address"
        onSubmit={(event) => {
          event.preventDefault()
          const code = String(new FormData(event.currentTarget).get('code')).trim()
          const confirm = () => client.confirmVerificationEmail({ email, code })
          void action.run('confirm', confirm, 'Your address is confirmed.')
        }}
      >
        <Lead />
        <Field
          label="E-mail address"
          name="email"
          type="email"
          autoComplete="username"
          value={email}
          onChange={({ target }) => setEmail(target.value)}
        />
        <CodeField label="Code" isWrong={Boolean(action.error?.fields.code)} />
        <button
          type="submit"
          className="sp-button sp-main"
          aria-busy={action.busy === 'confirm' || undefined}
        >
          Confirm
        </button>
        <button
          type="button"
          className="sp-button"
          onClick={() =>
            action.run(
              'again',
              () => client.resendVerificationEmail({ email }),
              'If it was not sent within the last minute, a mail is on its way.',
            )
          }
        >
          Send another mail
        </button>
        <Outcome error={sentenceOf(action.error)} notice={action.notice} />
      </form>
    </Panel>
  )
}
