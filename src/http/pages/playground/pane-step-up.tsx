// The box of the step-up: the proof that the account has, a code of its app or the password.
import { en, useAction, useClient, useUser } from '@sallyport/react'
import { useEffect, useState } from 'react'
import { NeedsSession } from './panes.tsx'
import { Code, Panel, Said, sentenceOf } from './parts.tsx'

/** Whether the account of the session has an authenticator app, which then is its proof. */
function useIsByApp(): boolean {
  const client = useClient()
  const user = useUser()
  const [isByApp, choose] = useState(false)
  const uuid = user?.uuid
  useEffect(() => {
    if (uuid)
      void client
        .listFactors()
        .then(({ totp }) => choose(totp !== null))
        .catch(() => choose(false))
  }, [client, uuid])
  return isByApp
}

function PasswordField() {
  return (
    <div className="sp-field">
      <label htmlFor="proof">Password</label>
      <div className="sp-input">
        <input
          id="proof"
          name="password"
          type="password"
          autoComplete="current-password"
          dir="ltr"
          required
        />
      </div>
    </div>
  )
}

export function StepUp() {
  const client = useClient()
  const action = useAction(en)
  const isByApp = useIsByApp()
  return (
    <NeedsSession>
      <Panel title="Is it you?">
        <form
          className="sp-form"
          aria-label="Is it you?"
          onSubmit={(event) => {
            event.preventDefault()
            const form = event.currentTarget
            const typed = String(new FormData(form).get(isByApp ? 'code' : 'password'))
            void action
              .run(
                'prove',
                () =>
                  client.stepUp(
                    isByApp
                      ? { method: 'totp', code: typed.trim() }
                      : { method: 'password', password: typed },
                  ) as Promise<object>,
                'Proven: the session has new tokens.',
              )
              .then((done) => done && form.reset())
          }}
        >
          <p>
            {isByApp
              ? 'Your account has a second factor, so that is what proves you.'
              : 'Your account has no authenticator app, so the password proves you.'}
          </p>
          {isByApp ? <Code label="Code of your authenticator app" /> : <PasswordField />}
          <button type="submit" className="sp-button sp-main" aria-busy={action.busy !== null || undefined}>
            Prove it
          </button>
          <Said error={sentenceOf(action.error)} notice={action.notice} />
        </form>
      </Panel>
    </NeedsSession>
  )
}
