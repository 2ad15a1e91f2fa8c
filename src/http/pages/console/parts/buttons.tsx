// Buttons: for an action without a form, to create something, to refresh, and to copy.
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { t } from '../texts.ts'
import { Icon } from './icons.tsx'
import { toast, toastError } from './toasts.tsx'

interface ActionButtonProps {
  work: () => Promise<unknown>
  /** The toast after success. An error is shown as a toast, too. */
  done: string
  kind?: 'small' | 'primary' | 'small danger'
  children: ComponentChildren
}

/** Runs the work without asking, and is disabled meanwhile. */
export function ActionButton({ work, done, kind, children }: ActionButtonProps) {
  const [isBusy, setBusy] = useState(false)
  async function act(): Promise<void> {
    setBusy(true)
    try {
      await work()
      toast(done)
    } catch (error) {
      toastError(error)
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

/** Opens a form that creates something. */
export function NewButton({ label, open }: { label: string; open: () => void }) {
  return (
    <button type="button" class="primary" onClick={open}>
      <Icon name="plus" /> {label}
    </button>
  )
}

export function RefreshButton({ reload }: { reload: () => void }) {
  return (
    <button type="button" onClick={reload}>
      <Icon name="refresh" /> {t('Refresh')}
    </button>
  )
}

/** Copies a text to the clipboard. */
export function CopyButton({ text, label = t('Copy') }: { text: string; label?: string }) {
  const copy = () =>
    navigator.clipboard
      .writeText(text)
      .then(() => toast(t('Copied.')))
      .catch(() =>
        toastError(new Error(t('The browser does not let this page copy. Select the text and copy it.'))),
      )
  return (
    <button type="button" class="small" onClick={() => void copy()}>
      {label}
    </button>
  )
}
