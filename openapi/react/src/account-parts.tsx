// The parts of the account page's sections: cards, rows, questions before something is removed, and dates.
import { type ReactNode, useId, useState } from 'react'
import { type Action, useAction } from './action.js'
import { Button, Dialog, Said } from './parts.js'
import { useSallyport } from './provider.js'

export function Card({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  const id = useId()
  return (
    <section className="sp-card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {lead && <p className="sp-hint">{lead}</p>}
      {children}
    </section>
  )
}

/** A row of a list: its name, its facts and its buttons. */
export function Row({ name, facts, children }: { name: ReactNode; facts?: ReactNode; children?: ReactNode }) {
  return (
    <li className="sp-row">
      <div>
        <strong>
          <bdi>{name}</bdi>
        </strong>
        {facts && <p className="sp-hint">{facts}</p>}
      </div>
      {children && <div className="sp-acts">{children}</div>}
    </li>
  )
}

/** The rows of a list; a sentence where there are none, and another until they are loaded. */
export function Rows<T>({
  of,
  empty,
  children,
}: {
  of: readonly T[] | undefined
  empty: string
  children: (one: T) => ReactNode
}) {
  const { texts } = useSallyport()
  if (!of) return <p className="sp-hint">{texts.loading}</p>
  return of.length > 0 ? <ul className="sp-rows">{of.map(children)}</ul> : <p className="sp-hint">{empty}</p>
}

/** A button that asks before it does what cannot be undone. */
export function Careful({
  text,
  question,
  label,
  onYes,
}: {
  text: string
  question: string
  label?: string
  /** Throws where it fails; the dialog then stays, and says so. */
  onYes: () => Promise<unknown>
}) {
  const { texts } = useSallyport()
  const action = useAction(texts)
  const [isAsking, ask] = useState(false)
  return (
    <>
      <Button look="danger" label={label} onClick={() => ask(true)}>
        {text}
      </Button>
      {isAsking && (
        <Dialog title={text} onClose={() => ask(false)}>
          <p>{question}</p>
          <Said error={action.error?.message} />
          <Button
            look="danger"
            busy={action.busy !== null}
            onClick={() => void action.run('yes', onYes).then((done) => done && ask(false))}
          >
            {text}
          </Button>
          <Button look="link" onClick={() => ask(false)}>
            {texts.cancel}
          </Button>
        </Dialog>
      )}
    </>
  )
}

/** A secret that is shown once, which can be copied and kept as a file. */
export function Once({
  lead,
  text,
  file,
  action,
  onClose,
}: {
  lead: string
  text: string
  file: string
  action: Action
  onClose: () => void
}) {
  const { texts } = useSallyport()
  return (
    <>
      <p>{lead}</p>
      <pre className="sp-secret" dir="ltr">
        {text}
      </pre>
      <div className="sp-acts">
        <Button onClick={() => action.run('copy', () => navigator.clipboard.writeText(text), texts.copied)}>
          {texts.copy}
        </Button>
        <Button onClick={() => save(file, text, 'text/plain')}>{texts.download}</Button>
      </div>
      <Said error={action.error?.message} notice={action.notice} />
      <Button look="main" onClick={onClose}>
        {texts.codesKept}
      </Button>
    </>
  )
}

/** Gives the person a file. */
export function save(name: string, text: string, type: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  // Once the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** A day in the language of the texts. */
export function useDay(): (moment: string) => string {
  const { lang } = useSallyport().texts
  return (moment) => new Intl.DateTimeFormat(lang, { dateStyle: 'medium' }).format(new Date(moment))
}
