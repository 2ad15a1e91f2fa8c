// The profile on the account page: name, picture, and the address with its confirmation.
import { useRef, useState } from 'react'
import type { Account } from './account.js'
import { Card, Careful } from './account-parts.js'
import { useAction } from './action.js'
import { Avatar, Button, CodeField, Field, Form, Said } from './parts.js'
import { useSallyport, useUser } from './provider.js'
import { fill } from './texts/en.js'

function Picture({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const user = useUser()
  const action = useAction(texts)
  const input = useRef<HTMLInputElement>(null)
  const { message, fields = {} } = action.error ?? {}
  return (
    <>
      <div className="sp-picture">
        <Avatar name={user?.display_name ?? user?.email ?? ''} url={user?.avatar_url} />
        <input
          ref={input}
          type="file"
          hidden
          aria-label={texts.picture}
          accept="image/png,image/jpeg,image/webp"
          onChange={({ target }) => {
            const [file] = target.files ?? []
            target.value = ''
            if (file)
              void action.run(
                'picture',
                () => account.change((client) => client.setAvatar(file)),
                texts.saved,
              )
          }}
        />
        <div className="sp-acts">
          <Button busy={action.busy !== null} onClick={() => input.current?.click()}>
            {texts.choosePicture}
          </Button>
          {user?.avatar_url && (
            <Careful
              text={texts.remove}
              label={fill(texts.removeNamed, { name: texts.picture })}
              question={fill(texts.removeSure, { name: texts.picture })}
              onYes={() => account.change((client) => client.deleteAvatar())}
            />
          )}
        </div>
      </div>
      <Said error={message || Object.values(fields).join(' ')} notice={action.notice} />
    </>
  )
}

function Address({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const user = useUser()
  const action = useAction(texts)
  /** The address whose mail has the code that is asked for: a new one, or the present one. */
  const [pending, wait] = useState<string | null>(null)
  const [isOpen, open] = useState(false)
  const email = user?.email ?? ''
  const held = action.busy !== null
  const sent = (address: string) => fill(texts.codeSent, { email: address })

  const confirm = (code: string) =>
    account.change<unknown>((client) =>
      pending === email
        ? client.confirmVerificationEmail({ email, code })
        : client.confirmEmailChange({ email: pending ?? '', code }),
    )

  if (pending !== null)
    return (
      <Form
        action={action}
        label={texts.verifyTitle}
        onSubmit={async ({ code = '' }) => {
          const done = await action.run('confirm', () => confirm(code.trim()), texts.saved)
          if (done) wait(null)
          return done
        }}
      >
        <p>{fill(texts.verifyLead, { email: pending })}</p>
        <CodeField label={texts.code} />
        <Button look="main" busy={held} held={held}>
          {texts.continue}
        </Button>
        <Button look="link" onClick={() => wait(null)}>
          {texts.cancel}
        </Button>
      </Form>
    )

  return (
    <Form
      action={action}
      label={texts.changeEmail}
      onSubmit={async ({ new_email = '' }) => {
        const ask = () => account.change((client) => client.changeEmail({ new_email }))
        const done = await action.run('change', async () => {
          await ask()
          return sent(new_email)
        })
        if (done) wait(new_email)
        if (done) open(false)
        return done
      }}
    >
      <p>
        <bdi>{email}</bdi>{' '}
        <span className="sp-badge">{user?.email_verified_at ? texts.verified : texts.unverified}</span>
      </p>
      {isOpen && <Field name="new_email" label={texts.newEmail} type="email" autoComplete="email" required />}
      <div className="sp-acts">
        {user && !user.email_verified_at && (
          <Button
            held={held}
            onClick={() =>
              action
                .run('verify', async () => {
                  await account.change((client) => client.resendVerificationEmail({ email }))
                  return sent(email)
                })
                .then((done) => done && wait(email))
            }
          >
            {texts.verifyTitle}
          </Button>
        )}
        {isOpen ? (
          <>
            <Button look="main" busy={action.busy === 'change'} held={held}>
              {texts.sendCode}
            </Button>
            <Button look="link" onClick={() => open(false)}>
              {texts.cancel}
            </Button>
          </>
        ) : (
          <Button held={held} onClick={() => open(true)}>
            {texts.changeEmail}
          </Button>
        )}
      </div>
    </Form>
  )
}

/** Name, picture, address. */
export function Profile({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const user = useUser()
  const action = useAction(texts)
  return (
    <Card title={texts.profile}>
      <Picture account={account} />
      <Form
        action={action}
        label={texts.displayName}
        onSubmit={({ display_name = '' }) =>
          action.run(
            'name',
            () =>
              account.change((client) => client.updateProfile({ display_name: display_name.trim() || null })),
            texts.saved,
          )
        }
      >
        <Field
          key={user?.display_name}
          name="display_name"
          label={texts.displayName}
          autoComplete="name"
          maxLength={255}
          defaultValue={user?.display_name ?? ''}
        />
        <Button busy={action.busy !== null}>{texts.save}</Button>
      </Form>
      <h3>{texts.email}</h3>
      <Address account={account} />
    </Card>
  )
}
