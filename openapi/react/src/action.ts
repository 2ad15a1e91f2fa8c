// The calls of a form: one at a time, with its busy state, and the error in words at the field that it belongs to.
import { ApiError, NetworkError, RateLimitError, ValidationError } from '@sallyport/client'
import { useCallback, useRef, useState } from 'react'
import { fill, type Texts } from './texts/en.js'

/** An error in words. */
export interface FormError {
  /** Empty where the fields say it all. */
  readonly message: string
  /** Sentences by the name of their field. */
  readonly fields: Readonly<Record<string, string>>
}

/** Seconds in words, such as “30 seconds”. */
export const duration = (seconds: number, { lang }: Texts): string => {
  const [amount, unit] = seconds < 90 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
  return new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'long' }).format(amount)
}

/** Makes the error of work that a person or the page aborted, which is no failure. */
export const abortError = (message: string): Error =>
  Object.assign(new Error(message), { name: 'AbortError' })

const isAbort = (error: unknown) => (error as Error | undefined)?.name === 'AbortError'

/** The fields at which a refusal without fields of its own is shown. */
const fieldOf: Readonly<Record<string, string>> = {
  invalid_credentials: 'password',
  second_factor_invalid: 'code',
}

/**
 * Puts an error into words.
 *
 * @returns null for work that was aborted
 */
export function describe(error: unknown, texts: Texts): FormError | null {
  if (isAbort(error)) return null
  const { errors, fields: own } = texts
  if (error instanceof ValidationError) {
    const fields = Object.entries(error.details).map(([name, said]) => [name, own[name] ?? said.join(' ')])
    return { message: '', fields: Object.fromEntries(fields) }
  }
  const { name, code } = error as { name: string; code?: unknown }
  const known = errors[typeof code === 'string' ? code : name]
  const isOurs = error instanceof ApiError && error.code !== 'unexpected_answer'
  const text = known ?? (isOurs || error instanceof NetworkError ? error.message : errors.unexpected) ?? ''
  const wait = error instanceof RateLimitError ? (error.retryAfter ?? 60) : 60
  const message = fill(text, { wait: duration(wait, texts) })
  const field = fieldOf[String(code)]
  return field ? { message: '', fields: { [field]: message } } : { message, fields: {} }
}

export interface Action {
  /** The name of the work that runs. */
  readonly busy: string | null
  readonly error: FormError | null
  /** What was done, for a live region. */
  readonly notice: string
  /**
   * Runs work unless other work runs: a second submit does nothing.
   *
   * @param notice shown after it succeeded
   * @returns whether it succeeded
   */
  run(name: string, work: () => Promise<unknown>, notice?: string): Promise<boolean>
  /** Sets the error by hand; null takes it away. */
  fail(error: FormError | null): void
}

/** Holds the state of a form's calls. */
export function useAction(texts: Texts): Action {
  const [shown, show] = useState<Omit<Action, 'run' | 'fail'>>({ busy: null, error: null, notice: '' })
  const running = useRef(false)
  const run = useCallback(
    async (busy: string, work: () => Promise<unknown>, notice = '') => {
      if (running.current) return false
      running.current = true
      show({ busy, error: null, notice: '' })
      try {
        const said = await work()
        show({ busy: null, error: null, notice: typeof said === 'string' ? said : notice })
        return true
      } catch (error) {
        show({ busy: null, error: describe(error, texts), notice: '' })
        return false
      } finally {
        running.current = false
      }
    },
    [texts],
  )
  const fail = useCallback((error: FormError | null) => show({ busy: null, error, notice: '' }), [])
  return { ...shown, run, fail }
}
