// The root component: by the operator's session it shows the sign-in, the enrolment of a second factor, or the console.
import { useEffect, useState } from 'preact/hooks'
import { ApiError, accountRequest, authRequest, read, session } from './api.ts'
import { Dialogs } from './parts/dialog.tsx'
import { ErrorMessage, Skeleton } from './parts/states.tsx'
import { Toasts } from './parts/toasts.tsx'
import { setCurrentOperator } from './permissions.ts'
import { EnrolFactor } from './session/enrol-factor.tsx'
import { EntryPage } from './session/entry-page.tsx'
import { SignIn } from './session/sign-in.tsx'
import { installStepUp } from './session/step-up.tsx'
import { Shell } from './shell.tsx'
import { t } from './texts.ts'
import type { Me, OwnFactors } from './types.ts'

type Stage =
  | { readonly name: 'loading' | 'out' | 'enrol' | 'in' | 'no-role' }
  | { readonly name: 'failed'; readonly error: Error }

/** The key in sessionStorage that is set when the operator has postponed the enrolment. */
const enrolmentPostponed = 'sallyport-console-factor-later'

async function findStage(): Promise<Stage> {
  try {
    setCurrentOperator(await read<Me>('me'))
    if (sessionStorage.getItem(enrolmentPostponed)) return { name: 'in' }
    const { totp, passkeys } = await accountRequest<OwnFactors>('GET', 'factors')
    return { name: totp || passkeys.length > 0 ? 'in' : 'enrol' }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.code === 'insufficient_role') return { name: 'no-role' }
    return error.problem.status === 401 ? { name: 'out' } : { name: 'failed', error }
  }
}

export function App() {
  const [stage, setStage] = useState<Stage>({ name: 'loading' })
  const enter = () => void findStage().then(setStage)
  const leave = () =>
    void authRequest('POST', 'logout')
      .catch(() => {})
      .then(() => session.onEnded())
  useEffect(() => {
    session.onEnded = () => {
      setCurrentOperator(null)
      setStage({ name: 'out' })
    }
    installStepUp()
    enter()
  }, [])
  return (
    <>
      <Staged stage={stage} enter={enter} leave={leave} setStage={setStage} />
      <Dialogs />
      <Toasts />
    </>
  )
}

interface StagedProps {
  stage: Stage
  enter: () => void
  leave: () => void
  setStage: (stage: Stage) => void
}

function Staged({ stage, enter, leave, setStage }: StagedProps) {
  if (stage.name === 'in') return <Shell leave={leave} />
  if (stage.name === 'out') return <SignIn entered={enter} />
  if (stage.name === 'enrol')
    return (
      <EnrolFactor
        done={() => setStage({ name: 'in' })}
        later={() => {
          sessionStorage.setItem(enrolmentPostponed, 'yes')
          setStage({ name: 'in' })
        }}
        leave={leave}
      />
    )
  if (stage.name === 'failed')
    return (
      <EntryPage title={t('The console cannot start')}>
        <ErrorMessage error={stage.error} retry={enter} />
      </EntryPage>
    )
  if (stage.name === 'no-role')
    return (
      <EntryPage
        title={t('This account is no operator')}
        lead={t('It has no role any more. Ask an owner of the installation for one.')}
      >
        <div class="actions">
          <button type="button" class="primary" onClick={leave}>
            {t('Sign out')}
          </button>
        </div>
      </EntryPage>
    )
  return (
    <main class="entry-page">
      <Skeleton lines={4} />
    </main>
  )
}
