// Panels and fields of the page's own, in the classes of @sallyport/react, so that they look like its components.
import type { FormError } from '@sallyport/react'
import { type ReactNode, useId } from 'react'

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

/** Live regions, which are there before they speak. */
export function Said({ error = '', notice = '' }: { error?: string | undefined; notice?: string }) {
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

export function Email({ value, onChange }: { value: string; onChange: (typed: string) => void }) {
  const id = useId()
  return (
    <div className="sp-field">
      <label htmlFor={id}>E-mail address</label>
      <div className="sp-input">
        <input
          id={id}
          name="email"
          type="email"
          autoComplete="username"
          dir="ltr"
          value={value}
          onChange={({ target }) => onChange(target.value)}
          required
        />
      </div>
    </div>
  )
}

export function Code({ label, wrong }: { label: string; wrong?: string | undefined }) {
  const id = useId()
  return (
    <div className="sp-field">
      <label htmlFor={id}>{label}</label>
      <div className="sp-input">
        <input
          id={id}
          name="code"
          autoComplete="one-time-code"
          inputMode="numeric"
          spellCheck={false}
          dir="ltr"
          maxLength={32}
          aria-invalid={wrong ? true : undefined}
          required
        />
      </div>
    </div>
  )
}

/** An error in one sentence, those of its fields included. */
export const sentenceOf = (error: FormError | null): string =>
  error ? [error.message, ...Object.values(error.fields)].filter(Boolean).join(' ') : ''
