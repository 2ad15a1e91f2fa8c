// The parts that all forms are made of: fields with their errors, buttons that are busy, live regions, dialogs.
import {
  createContext,
  type InputHTMLAttributes,
  type MouseEvent,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from 'react'
import type { Action, FormError } from './action.js'
import { useSallyport } from './provider.js'

/** The element around every component: its language, direction and theme. */
export function Frame({ children, className }: { children: ReactNode; className: string }) {
  const { texts, options } = useSallyport()
  return (
    <div className={`sp ${className}`} lang={texts.lang} dir={texts.dir} data-theme={options.theme}>
      {children}
    </div>
  )
}

const ErrorContext = createContext<FormError | null>(null)

type Typed = Record<string, string>

interface FormProps {
  action: Pick<Action, 'busy' | 'error' | 'notice'>
  onSubmit: (typed: Typed) => Promise<boolean>
  children: ReactNode
  label?: string
  /** Empties the form after it succeeded. */
  resets?: boolean
}

/**
 * A form whose fields are read when it is submitted, so that a password manager may fill them whenever and however often it
 * likes. An error is announced, and its first field gets the focus.
 */
export function Form({ action, onSubmit, children, label, resets }: FormProps) {
  const { texts } = useSallyport()
  const ref = useRef<HTMLFormElement>(null)
  const [missing, setMissing] = useState<Typed | null>(null)
  const error = useMemo(
    () => (missing ? { message: '', fields: missing } : action.error),
    [missing, action.error],
  )
  /** The sentences of fields that are not here, which are said for the whole form. */
  const [stray, setStray] = useState('')

  useEffect(() => {
    const fields = Object.entries(error?.fields ?? {})
    const control = (name: string) => ref.current?.elements.namedItem(name) as HTMLElement | null | undefined
    const first = fields.find(([name]) => control(name))
    if (first) control(first[0])?.focus()
    setStray(fields.flatMap(([name, text]) => (control(name) ? [] : [text])).join(' '))
  }, [error])

  return (
    <form
      ref={ref}
      className="sp-form"
      aria-label={label}
      aria-busy={action.busy !== null}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        const form = event.currentTarget
        const typed = Object.fromEntries(new FormData(form)) as Typed
        const empty = [...form.elements].filter(
          (element) => element instanceof HTMLInputElement && element.required && !element.value.trim(),
        ) as HTMLInputElement[]
        setMissing(
          empty.length
            ? Object.fromEntries(empty.map(({ name }) => [name, texts.errors.required ?? '']))
            : null,
        )
        if (!empty.length) void onSubmit(typed).then((done) => done && resets && form.reset())
      }}
    >
      <ErrorContext.Provider value={error}>{children}</ErrorContext.Provider>
      <Said error={[error?.message, stray].filter(Boolean).join(' ')} notice={action.notice} />
    </form>
  )
}

/** Live regions; they are in the page before they have a text, so that it is announced. */
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

type Input = Omit<InputHTMLAttributes<HTMLInputElement>, 'name'>

interface FieldProps extends Input {
  name: string
  label: string
  hint?: string | undefined
}

/** A labelled field; its hint and its error describe it. A password can be shown. */
export function Field({ name, label, hint, type = 'text', ...input }: FieldProps) {
  const { texts } = useSallyport()
  const id = useId()
  const wrong = useContext(ErrorContext)?.fields[name]
  const [isShown, show] = useState(false)
  const describedBy = [hint && `${id}h`, wrong && `${id}e`].filter(Boolean).join(' ')
  const isPassword = type === 'password'
  return (
    <div className="sp-field">
      <label htmlFor={id}>{label}</label>
      <div className="sp-input">
        <input
          id={id}
          name={name}
          type={isPassword && isShown ? 'text' : type}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={describedBy || undefined}
          dir={type === 'text' ? undefined : 'ltr'}
          {...input}
        />
        {isPassword && (
          <button
            type="button"
            className="sp-eye"
            aria-pressed={isShown}
            aria-label={texts.showPassword}
            title={texts.showPassword}
            onClick={() => show(!isShown)}
          >
            <Icon path="M1 12s4-7 11-7 11 7 11 7-4 7-11 7S1 12 1 12Zm11 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z" />
          </button>
        )}
      </div>
      {hint && (
        <p id={`${id}h`} className="sp-hint">
          {hint}
        </p>
      )}
      {wrong && (
        <p id={`${id}e`} className="sp-wrong">
          {wrong}
        </p>
      )}
    </div>
  )
}

/** Tells a password manager which account a form is about. */
export const Username = ({ email }: { email: string }) => (
  <input hidden type="text" autoComplete="username" value={email} readOnly />
)

/** The field of a code from a mail or an app. */
export const CodeField = ({ label, ...input }: Input & { label: string }) => (
  <Field
    name="code"
    label={label}
    autoComplete="one-time-code"
    inputMode="numeric"
    spellCheck={false}
    dir="ltr"
    maxLength={32}
    required
    {...input}
  />
)

/** The field of a password that is to be chosen. */
export function NewPasswordField({ name, label }: { name: string; label: string }) {
  const { texts } = useSallyport()
  return (
    <Field
      name={name}
      label={label}
      type="password"
      autoComplete="new-password"
      hint={texts.passwordHint}
      required
    />
  )
}

export const Icon = ({ path }: { path: string }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" className="sp-icon">
    <path d={path} />
  </svg>
)

interface ButtonProps {
  children: ReactNode
  /** Default: it submits its form. */
  onClick?: ((event: MouseEvent<HTMLButtonElement>) => unknown) | undefined
  look?: 'main' | 'plain' | 'link' | 'danger'
  /** Whether its own work runs, and whether any runs, so that it does nothing. */
  busy?: boolean
  held?: boolean
  label?: string | undefined
}

/** A button. While it is busy it keeps the focus, and says so. */
export function Button({ children, onClick, look = 'plain', busy = false, held = busy, label }: ButtonProps) {
  return (
    <button
      type={onClick ? 'button' : 'submit'}
      className={`sp-button sp-${look}`}
      aria-busy={busy || undefined}
      aria-disabled={held || undefined}
      aria-label={label}
      onClick={(event) => {
        if (held) event.preventDefault()
        else onClick?.(event)
      }}
    >
      {children}
    </button>
  )
}

interface DialogProps {
  title: string
  onClose: () => void
  children: ReactNode
}

/** A modal dialog: the browser keeps the focus in it, Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement as HTMLElement | null
    if (dialog && !dialog.open) dialog.showModal()
    return () => {
      dialog?.close()
      before?.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      className="sp-dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

/** A picture of the user, or the first letter of their name. */
export function Avatar({ name, url }: { name: string; url: string | null | undefined }) {
  return (
    <span className="sp-avatar" aria-hidden="true">
      {url ? <img src={url} alt="" /> : [...name.trim()][0]?.toUpperCase()}
    </span>
  )
}
