// The box of the step-up: by the code of the authenticator app, else by the password.
import { en, useAction, useClient, useUser } from '@sallyport/react'
import { useEffect, useState } from 'react'
import { NeedsSession } from './panes.tsx'
import { CodeField, Field, Outcome, Panel, sentenceOf } from './parts.tsx'

/** True if the account has an authenticator app, so that the service demands its code. */
function useIsByApp(): boolean {
  const client = useClient()
  const user = useUser()
  const [isByApp, setByApp] = useState(false)
  const uuid = user?.uuid
  useEffect(() => {
    if (uuid)
      void client
        .listFactors()
        .then(({ totp }) => setByApp(totp))
        .catch(() => setByApp(false))
  }, [client, uuid])
  return isByApp
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
            const prove = () =>
              client.stepUp(
                isByApp ? { method: 'totp', code: typed.trim() } : { method: 'password', password: typed },
              )
            void action
              .run('prove', prove, 'Proven: the session has new tokens.')
              .then((done) => done && form.reset())
          }}
        >
          <p>
            {isByApp
              ? 'Your account has a second factor, so that is what proves you.'
              : 'Your account has no authenticator app, so the password proves you.'}
          </p>
          {isByApp ? (
            <CodeField label="Code of your authenticator app" />
          ) : (
            <Field label="Password" name="password" type="password" autoComplete="current-password" />
          )}
          <button type="submit" className="sp-button sp-main" aria-busy={action.busy !== null || undefined}>
            Prove it
          </button>
          <Outcome error={sentenceOf(action.error)} notice={action.notice} />
        </form>
      </Panel>
    </NeedsSession>
  )
}
