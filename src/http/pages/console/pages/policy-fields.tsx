// The input of a policy field, chosen by its JSON Schema.
import { useId, useState } from 'preact/hooks'
import { showName, showNumber } from '../format.ts'
import { isSame } from '../json.ts'
import { locale, t } from '../texts.ts'
import type { Policy } from '../types.ts'
import { fieldDescription } from './policy-descriptions.ts'
import { type Path, type Schema, valueAt } from './policy-draft.ts'

interface FieldProps {
  path: Path
  schema: Schema
  draft: Policy
  set: (path: Path, value: unknown) => void
}

interface InputProps {
  id: string
  schema: Schema
  value: unknown
  set: (value: unknown) => void
}

/** A number of seconds in a larger unit, such as “30 days”; the empty string if it is no multiple of one. */
function showSeconds(seconds: number): string {
  const found = (
    [
      ['day', 86_400],
      ['hour', 3600],
      ['minute', 60],
    ] as const
  ).find(([, size]) => seconds >= size && seconds % size === 0)
  if (!found) return ''
  const [unit, size] = found
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}

const choicesOf = ({ anyOf = [] }: Schema): readonly unknown[] | null =>
  anyOf.length > 0 && anyOf.every((one) => one.const !== undefined || one.type === 'null')
    ? anyOf.map((one) => one.const ?? null)
    : null

/** A text area of JSON. Text that does not parse is not set. */
function JsonInput({ id, value, set }: InputProps) {
  const [text, setText] = useState(JSON.stringify(value, null, 2))
  const [isBroken, setBroken] = useState(false)
  return (
    <>
      <textarea
        id={id}
        rows={4}
        value={text}
        spellcheck={false}
        dir="ltr"
        aria-invalid={isBroken}
        onInput={(event) => {
          setText(event.currentTarget.value)
          try {
            set(JSON.parse(event.currentTarget.value))
            setBroken(false)
          } catch {
            setBroken(true)
          }
        }}
      />
      {isBroken && (
        <p class="hint wrong" role="alert">
          {t('This is no JSON yet; the last whole text counts.')}
        </p>
      )}
    </>
  )
}

function ListInput({ id, value, set }: InputProps) {
  const [text, setText] = useState((value as readonly string[]).join('\n'))
  return (
    <textarea
      id={id}
      rows={2}
      value={text}
      spellcheck={false}
      dir="ltr"
      onInput={(event) => {
        setText(event.currentTarget.value)
        set(
          event.currentTarget.value
            .split('\n')
            .map((line) => line.trim())
            .filter((line) => line !== ''),
        )
      }}
    />
  )
}

function ChoiceInput({ id, schema, value, set }: InputProps) {
  const choices = choicesOf(schema) ?? []
  return (
    <select
      id={id}
      value={JSON.stringify(value)}
      onChange={(event) => set(JSON.parse(event.currentTarget.value))}
    >
      {choices.map((choice) => (
        <option key={String(choice)} value={JSON.stringify(choice)}>
          {choice === null
            ? t('None')
            : /^[a-z_]+$/.test(String(choice))
              ? t(showName(String(choice)))
              : String(choice)}
        </option>
      ))}
    </select>
  )
}

function Input(props: InputProps) {
  const { id, schema, value, set } = props
  const { type, minimum, maximum, items } = schema
  if (choicesOf(schema)) return <ChoiceInput {...props} />
  if (type === 'integer')
    return (
      <input
        id={id}
        type="number"
        min={minimum}
        max={maximum}
        value={Number(value)}
        onInput={(event) => {
          const typed = event.currentTarget.valueAsNumber
          if (Number.isFinite(typed)) set(typed)
        }}
      />
    )
  if (type === 'array' && items?.type === 'string') return <ListInput {...props} />
  const isText = type === 'string' || (schema.anyOf ?? []).some((one) => one.type === 'string')
  if (!isText) return <JsonInput {...props} />
  const isNullable = type !== 'string'
  return (
    <input
      id={id}
      type="text"
      value={String(value ?? '')}
      onInput={(event) => {
        const typed = event.currentTarget.value
        set(isNullable && typed === '' ? null : typed)
      }}
    />
  )
}

/** The bounds of a number, and the default if the value is another one. */
function boundsOf(
  { type, minimum, maximum, default: byDefault }: Schema,
  key: string,
  value: unknown,
): string {
  const isDefault = isSame(value, byDefault)
  const parts = [
    /seconds$/.test(key) && typeof value === 'number' ? showSeconds(value) : '',
    type === 'integer'
      ? t('{min} to {max}', { min: showNumber(minimum ?? 0), max: showNumber(maximum ?? 0) })
      : '',
    !isDefault && byDefault !== undefined ? t('Default: {value}', { value: JSON.stringify(byDefault) }) : '',
  ]
  return parts.filter((part) => part !== '').join(' · ')
}

export function PolicyField({ path, schema, draft, set }: FieldProps) {
  const id = useId()
  const key = path.at(-1) ?? ''
  const value = valueAt(draft, path)
  const label = showName(path.length > 2 ? path.slice(1).join(' ') : key)
  const words = schema.description ?? fieldDescription(path.join('.'))
  const bounds = boundsOf(schema, key, value)
  if (schema.type === 'boolean')
    return (
      <div class="field">
        <label class="tick">
          <input
            type="checkbox"
            checked={value === true}
            onChange={(event) => set(path, event.currentTarget.checked)}
          />
          <span>
            <b>{t(label)}</b>
            <span class="below">
              {t(words)} {bounds}
            </span>
          </span>
        </label>
      </div>
    )
  return (
    <div class="field">
      <label for={id}>{t(label)}</label>
      <Input id={id} schema={schema} value={value} set={(typed) => set(path, typed)} />
      {(words || bounds) && (
        <p class="hint">
          {t(words)} {bounds}
        </p>
      )}
    </div>
  )
}
