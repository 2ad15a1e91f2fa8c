// Dialogs, by the <dialog> element, which keeps the focus inside and closes by Escape.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../texts.ts'
import { Icon } from './icons.tsx'

type Render = (close: () => void) => ComponentChildren

interface Opened {
  readonly id: number
  readonly render: Render
  readonly onClose: () => void
}

let last = 0
let add: (opened: Opened) => void = () => {}

/** Opens a dialog above the page. @param onClose is called once, however it closes */
export function openDialog(render: Render, onClose: () => void = () => {}): void {
  add({ id: ++last, render, onClose })
}

/** Renders the open dialogs. The application has it once. */
export function Dialogs() {
  const [opened, setOpened] = useState<readonly Opened[]>([])
  useEffect(() => {
    add = (one) => setOpened((before) => [...before, one])
    return () => {
      add = () => {}
    }
  }, [])
  return (
    <>
      {opened.map(({ id, render, onClose }) => {
        const close = () => {
          setOpened((before) => before.filter((one) => one.id !== id))
          onClose()
        }
        return <div key={id}>{render(close)}</div>
      })}
    </>
  )
}

interface DialogProps {
  title: string
  close: () => void
  /** False: only a button of the content closes the dialog. */
  canDismiss?: boolean
  children: ComponentChildren
}

export function Dialog({ title, close, canDismiss = true, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    element.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  useEffect(() => {
    if (!canDismiss) return
    // The dialog belongs to the view, which is about to be replaced.
    addEventListener('hashchange', close)
    return () => removeEventListener('hashchange', close)
  }, [canDismiss])
  return (
    <dialog
      ref={element}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault()
        if (canDismiss) close()
      }}
    >
      <header>
        <h2>{title}</h2>
        {canDismiss && (
          <button type="button" class="bare" aria-label={t('Close')} onClick={close}>
            <Icon name="close" />
          </button>
        )}
      </header>
      {children}
    </dialog>
  )
}
