// Panels and fields of the page's own, in the classes of @sallyport/react, so that they look like its components.
import type { FormError } from '@sallyport/react'
import { type InputHTMLAttributes, type ReactNode, useId } from 'react'

export function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="sp sp-entry">
      <section className="sp-panel" aria-label={title}>
        <h2>{title}</h2>
        {children}
      </section>
    </div>
  )
}

/** Live regions. They are rendered empty, too, because screen readers announce only the changes of an existing region. */
export function Outcome({ error = '', notice = '' }: { error?: string | undefined; notice?: string }) {
  return (
    <>
      <p role="alert" className="sp-alert">
        {error}
      </p>
      <p role="status" className="sp-notice">
        {notice}
      </p>
    </>
  )
}

type FieldProps = InputHTMLAttributes<HTMLInputElement> & { label: string }

/** A required field. */
export function Field({ label, ...input }: FieldProps) {
  const id = useId()
  return (
    <div className="sp-field">
      <label htmlFor={id}>{label}</label>
      <div className="sp-input">
        <input id={id} dir="ltr" required {...input} />
      </div>
    </div>
  )
}

/** The field of a one-time code. */
export const CodeField = ({ label, isWrong = false }: { label: string; isWrong?: boolean }) => (
  <Field
    label={label}
    name="code"
    autoComplete="one-time-code"
    inputMode="numeric"
    spellCheck={false}
    maxLength={32}
    aria-invalid={isWrong || undefined}
  />
)

/** The message of an error with those of its fields. */
export const sentenceOf = (error: FormError | null): string =>
  error ? [error.message, ...Object.values(error.fields)].filter(Boolean).join(' ') : ''
