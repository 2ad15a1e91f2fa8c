// Who is there decides what is shown: the sign-in, the first second factor, or the console.
import { useEffect, useState } from 'preact/hooks'
import { open, own, Refused, read, session } from './api.ts'
import { setMe } from './may.ts'
import { Dialogs } from './parts/dialog.tsx'
import { Skeleton, Trouble } from './parts/states.tsx'
import { Toasts } from './parts/toasts.tsx'
import { Enrol, type Factors } from './session/enrol.tsx'
import { Door, SignIn } from './session/sign-in.tsx'
import { installStepUp } from './session/step-up.tsx'
import { Shell } from './shell.tsx'
import { t } from './texts.ts'
import type { Me } from './types.ts'

type Stage =
  | { readonly name: 'loading' | 'out' | 'enrol' | 'in' | 'stranger' }
  | { readonly name: 'trouble'; readonly error: Error }

/** Set for the rest of the visit by an operator who adds no factor now. */
const laterMark = 'sallyport-console-factor-later'

async function find(): Promise<Stage> {
  try {
    setMe(await read<Me>('me'))
    if (sessionStorage.getItem(laterMark)) return { name: 'in' }
    const { totp, passkeys } = await own<Factors>('GET', 'factors')
    return { name: totp || passkeys.length > 0 ? 'in' : 'enrol' }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (error.code === 'insufficient_role') return { name: 'stranger' }
    return error.problem.status === 401 ? { name: 'out' } : { name: 'trouble', error }
  }
}

export function App() {
  const [stage, setStage] = useState<Stage>({ name: 'loading' })
  const enter = () => void find().then(setStage)
  const leave = () =>
    void open('POST', 'logout')
      .catch(() => {})
      .then(() => session.ended())
  useEffect(() => {
    session.ended = () => {
      setMe(null)
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
      <Enrol
        done={() => setStage({ name: 'in' })}
        later={() => {
          sessionStorage.setItem(laterMark, 'yes')
          setStage({ name: 'in' })
        }}
        leave={leave}
      />
    )
  if (stage.name === 'trouble')
    return (
      <Door title={t('The console cannot start')}>
        <Trouble error={stage.error} retry={enter} />
      </Door>
    )
  if (stage.name === 'stranger')
    return (
      <Door
        title={t('This account is no operator')}
        lead={t('It has no role any more. Ask an owner of the installation for one.')}
      >
        <div class="actions">
          <button type="button" class="primary" onClick={leave}>
            {t('Sign out')}
          </button>
        </div>
      </Door>
    )
  return (
    <main class="door">
      <Skeleton lines={4} />
    </main>
  )
}
