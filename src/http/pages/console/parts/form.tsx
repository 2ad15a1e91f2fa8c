// Forms: labelled fields, the error above the buttons, and a submit button that is disabled until the answer comes.
import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import { withFieldErrors } from '../api.ts'
import { t } from '../texts.ts'
import { Dialog, openDialog } from './dialog.tsx'
import { ErrorMessage } from './states.tsx'

/** The values of a form by the names of its fields. A checkbox that is not checked is absent. */
export type FormValues = Readonly<Record<string, string>>

interface FormProps {
  submit: string
  isDanger?: boolean
  /** True: the button is not highlighted, because another one of the page is the first choice. */
  isSecond?: boolean
  /** Its error is shown above the buttons. */
  onSubmit: (typed: FormValues) => Promise<unknown>
  cancel?: () => void
  children: ComponentChildren
}

export function Form({ submit, isDanger = false, isSecond = false, onSubmit, cancel, children }: FormProps) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<Error | null>(null)
  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    if (isBusy) return
    setBusy(true)
    setError(null)
    const given = new FormData(event.currentTarget as HTMLFormElement)
    try {
      await onSubmit(Object.fromEntries([...given].map(([name, value]) => [name, String(value)])))
    } catch (thrown) {
      setError(withFieldErrors(thrown as Error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={(event) => void send(event as unknown as SubmitEvent)} aria-busy={isBusy}>
      {children}
      {error && <ErrorMessage error={error} />}
      <div class="actions">
        {cancel && (
          <button type="button" onClick={cancel}>
            {t('Cancel')}
          </button>
        )}
        <button
          type="submit"
          class={isDanger ? 'danger' : isSecond ? undefined : 'primary'}
          disabled={isBusy}
        >
          {isBusy ? t('One moment …') : submit}
        </button>
      </div>
    </form>
  )
}

export interface FieldProps {
  label: string
  name: string
  hint?: string
  type?: string
  value?: string
  placeholder?: string
  autocomplete?: string
  minlength?: number
  maxlength?: number
  required?: boolean
  autofocus?: boolean
  inputmode?: 'numeric' | 'text'
  /** Values that the browser suggests. */
  offered?: readonly string[]
}

export function Field({ label, hint, offered, autofocus = false, ...input }: FieldProps) {
  const id = useId()
  // Preact's types tie each attribute to one type of input; here the type is a value.
  const attributes: object = { ...input, autofocus }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        {...attributes}
        // In a dialog the attribute suffices; outside it works only when a page loads.
        ref={autofocus ? (element) => element?.focus() : null}
        aria-describedby={hint ? `${id}-hint` : undefined}
        list={offered && `${id}-offered`}
      />
      {offered && (
        <datalist id={`${id}-offered`}>
          {offered.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  )
}

interface TextAreaProps {
  label: string
  name: string
  value: string
}

/** Text of several lines, such as JSON. */
export function TextArea({ label, name, value }: TextAreaProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} name={name} rows={5} spellcheck={false} dir="ltr" defaultValue={value} />
    </div>
  )
}

interface SelectProps {
  label: string
  name: string
  value?: string
  /** Values with the text that is shown for each. */
  options: readonly (readonly [value: string, shown: string])[]
  onChange?: (value: string) => void
}

export function Select({ label, name, value, options, onChange }: SelectProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} value={value} onChange={(event) => onChange?.(event.currentTarget.value)}>
        {options.map(([one, shown]) => (
          <option key={one} value={one}>
            {shown}
          </option>
        ))}
      </select>
    </div>
  )
}

export function Checkbox({ label, name }: { label: string; name: string }) {
  return (
    <label class="tick">
      <input type="checkbox" name={name} />
      <span>{label}</span>
    </label>
  )
}

interface FormDialog {
  title: string
  submit: string
  lead?: ComponentChildren
  isDanger?: boolean
  /** The text that has to be typed as a confirmation. */
  confirmation?: string
  fields?: ComponentChildren
  onSubmit: (typed: FormValues) => Promise<unknown>
}

/** Opens a dialog with a form. It closes when `onSubmit` has succeeded. */
export function ask({
  title,
  submit,
  lead,
  isDanger = false,
  confirmation,
  fields,
  onSubmit,
}: FormDialog): void {
  openDialog((close) => (
    <Dialog title={title} close={close}>
      <Form
        submit={submit}
        isDanger={isDanger}
        cancel={close}
        onSubmit={async (given) => {
          if (confirmation !== undefined && given.typed?.trim() !== confirmation)
            throw new Error(t('What you typed differs. Type it exactly as it is shown.'))
          await onSubmit(given)
          close()
        }}
      >
        {lead && <div class="lead">{lead}</div>}
        {fields}
        {confirmation !== undefined && (
          <Field
            label={t('Type {text} to confirm', { text: confirmation })}
            name="typed"
            autocomplete="off"
            autofocus
          />
        )}
      </Form>
    </Dialog>
  ))
}
