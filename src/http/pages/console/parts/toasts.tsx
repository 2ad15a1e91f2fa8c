// Toasts: short messages in a live region, which screen readers announce.
import { useEffect, useState } from 'preact/hooks'

interface Toast {
  readonly id: number
  readonly text: string
  readonly isWrong: boolean
}

let last = 0
let show: (toast: Toast) => void = () => {}

/** Shows that an action has succeeded. */
export const toast = (text: string): void => show({ id: ++last, text, isWrong: false })

/** Shows why an action has failed. */
export const toastError = (error: unknown): void =>
  show({ id: ++last, text: error instanceof Error ? error.message : String(error), isWrong: true })

const shownMs = 6000

export function Toasts() {
  const [toasts, setToasts] = useState<readonly Toast[]>([])
  useEffect(() => {
    show = (toast) => {
      setToasts((before) => [...before.slice(-2), toast])
      setTimeout(() => setToasts((before) => before.filter(({ id }) => id !== toast.id)), shownMs)
    }
    return () => {
      show = () => {}
    }
  }, [])
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, isWrong }) => (
        <p key={id} class={isWrong ? 'toast wrong' : 'toast'}>
          <bdi>{text}</bdi>
        </p>
      ))}
    </div>
  )
}
