// Starts the playground, a guided tour of the service with the components of @sallyport/react.
import { createClient } from '@sallyport/client'
import { SallyportProvider } from '@sallyport/react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { facts, root } from './facts.ts'
import { keep, readMemory } from './memory.ts'
import { stepOf, steps } from './steps.tsx'
import { noteEvent, watch } from './wire.ts'

/** Marks the step that an exchange completes as done. @returns its title, or undefined */
function tick(method: string, path: string, status: number): string | undefined {
  const said = `${method} ${path} ${status}`
  const open = stepOf(location.hash)
  const step = steps.find((each) => each.completedBy.test(said) && (!each.onlyWhileOpen || each === open))
  if (!step) return
  const { done } = readMemory()
  if (!done.includes(step.id)) keep({ done: [...done, step.id] })
  return step.title
}

if (!stepOf(location.hash)) history.replaceState(null, '', `#${readMemory().step || steps[0]?.id}`)

const client = createClient({
  baseUrl: facts.base,
  projectId: facts.project,
  projectUserAuth: {
    transport: readMemory().transport,
    // With localStorage, tabs share one session.
    tokenStorage: localStorage,
  },
  fetch: watch(facts.base, tick),
})
client.onAuthStateChange((event, _session, error) => noteEvent(error ? `${event}: ${error.message}` : event))

createRoot(root).render(
  <SallyportProvider client={client} emailSignIn={facts.emailSignIn}>
    <App />
  </SallyportProvider>,
)
