// A button that does something at once, and says how it went.
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { complain, say } from './toasts.tsx'

interface ActProps {
  work: () => Promise<unknown>
  /** Said afterwards. */
  done: string
  kind?: 'small' | 'primary' | 'small danger'
  children: ComponentChildren
}

export function Act({ work, done, kind, children }: ActProps) {
  const [isBusy, setBusy] = useState(false)
  async function act(): Promise<void> {
    setBusy(true)
    try {
      await work()
      say(done)
    } catch (error) {
      complain(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <button type="button" class={kind} disabled={isBusy} onClick={() => void act()}>
      {children}
    </button>
  )
}
