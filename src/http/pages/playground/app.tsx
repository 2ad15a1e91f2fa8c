// The page: progress, the open step with its box, the recorded requests, and the code.
import { UserButton, useUser } from '@sallyport/react'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { CodeView } from './code-view.tsx'
import { facts } from './facts.ts'
import { keep, startOver, type Transport, useMemory } from './memory.ts'
import { type Obstacle, type Step, stepOf, steps } from './steps.tsx'
import { WireView } from './wire-view.tsx'

function onFragment(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

/** The open step, by the fragment of the URL. */
function useStep(): Step {
  const fragment = useSyncExternalStore(onFragment, () => location.hash)
  const step = stepOf(fragment) ?? (steps[0] as Step)
  useEffect(() => keep({ step: step.id }), [step])
  return step
}

function Header() {
  return (
    <header className="top">
      <div className="title">
        <span className="mark" aria-hidden="true">
          S
        </span>
        <h1>Sallyport playground</h1>
      </div>
      <nav aria-label="Other pages">
        <a href={`${facts.base}/docs`}>API documentation</a>
        {facts.hasInbox && <a href={`${facts.base}/inbox`}>Inbox</a>}
        <a href={`${facts.base}/console`}>Console</a>
      </nav>
      <UserButton account="#me" />
    </header>
  )
}

/** The project, and how tokens are sent. A change reloads the page, which creates a new client. */
function Settings() {
  const { transport } = useMemory()
  return (
    <details className="settings">
      <summary>
        Settings: {facts.name}, {transport === 'cookie' ? 'HttpOnly cookies' : 'bearer tokens'}
      </summary>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const typed = new FormData(event.currentTarget)
          keep({ transport: typed.get('transport') as Transport })
          const there = new URL(location.href)
          const project = String(typed.get('project')).trim()
          if (project) there.searchParams.set('project', project)
          else there.searchParams.delete('project')
          if (there.href === location.href) location.reload()
          else location.assign(there)
        }}
      >
        <fieldset>
          <legend>Tokens are sent</legend>
          <label>
            <input type="radio" name="transport" value="bearer" defaultChecked={transport === 'bearer'} />
            <span>as bearer tokens</span>
          </label>
          <label>
            <input type="radio" name="transport" value="cookie" defaultChecked={transport === 'cookie'} />
            <span>in HttpOnly cookies</span>
          </label>
        </fieldset>
        <label className="project">
          Project id
          <input
            name="project"
            autoComplete="off"
            spellCheck={false}
            defaultValue={facts.isDefault ? '' : facts.project}
            placeholder="the default project"
          />
        </label>
        <button type="submit">Use them</button>
        <button type="button" onClick={startOver}>
          Forget the ticks
        </button>
      </form>
    </details>
  )
}

function Progress({ open }: { open: Step }) {
  const { done } = useMemory()
  return (
    <nav className="steps" aria-label="Steps">
      <p className="count">
        <progress max={steps.length} value={done.length} aria-label="Steps that are done" />
        <span>
          {done.length} of {steps.length} done
        </span>
      </p>
      <ol>
        {steps.map(({ id, title }, index) => (
          <li key={id}>
            <a
              href={`#${id}`}
              className={done.includes(id) ? 'done' : undefined}
              aria-current={id === open.id ? 'step' : undefined}
            >
              <span className="dot" aria-hidden="true">
                {done.includes(id) ? '✓' : index + 1}
              </span>
              <span className="name">{title}</span>
              {done.includes(id) && <span className="only-read"> (done)</span>}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  )
}

/** A feature that the policy turns off, with the command that turns it on. */
function Off({ text, policy }: Obstacle) {
  const command = `echo '${JSON.stringify(policy)}' > policy.json
npx . projects policy merge ${facts.project} --policy policy.json`
  return (
    <aside className="off" aria-label="Off in this project">
      <p>{text} This turns it on:</p>
      <pre>
        <code>{command}</code>
      </pre>
    </aside>
  )
}

function Neighbours({ step }: { step: Step }) {
  const { done } = useMemory()
  const at = steps.indexOf(step)
  const [before, after] = [steps[at - 1], steps[at + 1]]
  return (
    <nav className="neighbours" aria-label="Previous and next step">
      {before && <a href={`#${before.id}`}>← {before.title}</a>}
      {after && (
        <a href={`#${after.id}`} className={done.includes(step.id) ? 'next due' : 'next'}>
          Next: {after.title} →
        </a>
      )}
    </nav>
  )
}

export function App() {
  const step = useStep()
  const { done, transport } = useMemory()
  const user = useUser()
  const heading = useRef<HTMLHeadingElement>(null)
  const shown = useRef(step)
  useEffect(() => {
    document.title = `${step.title} · Sallyport playground`
    if (shown.current === step) return
    shown.current = step
    heading.current?.focus()
    heading.current?.scrollIntoView({ block: 'nearest' })
  }, [step])
  const isDone = done.includes(step.id)
  const obstacle = step.obstacle?.(facts)
  return (
    <>
      <Header />
      <Progress open={step} />
      <main>
        <div className="intro">
          <h2 ref={heading} tabIndex={-1}>
            {step.title}
          </h2>
          <p>{step.lead}</p>
          <p role="status" className={isDone ? 'until done' : 'until'}>
            {isDone ? '✓ Done: the service has answered as it should.' : `Done when ${step.until}.`}
          </p>
          {obstacle && <Off {...obstacle} />}
        </div>
        <div className="columns">
          <div className="box" key={step.id}>
            {step.draw()}
          </div>
          <WireView />
        </div>
        <CodeView step={step} setting={{ facts, transport, email: user?.email ?? 'ada@example.com' }} />
        <Neighbours step={step} />
      </main>
      <footer>
        <Settings />
      </footer>
    </>
  )
}
