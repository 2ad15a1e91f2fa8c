// Formats dates, numbers and identifiers for people, in the language of the browser.
import { locale, t } from './texts.ts'
import type { Device } from './types.ts'

const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' })
const dateOnly = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' })
const dayMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' })
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
const percent = new Intl.NumberFormat(locale, {
  style: 'percent',
  signDisplay: 'exceptZero',
  maximumFractionDigits: 0,
})
const number = new Intl.NumberFormat(locale)

export const showInstant = (instant: string): string => dateTime.format(new Date(instant))
export const showNumber = (value: number): string => number.format(value)

/** The change in percent, such as “+12 %”. @returns null if the value before was 0 */
export function showChange(value: number, before: number): string | null {
  return before === 0 ? null : percent.format((value - before) / before)
}

/** @param day such as `2026-11-20`, in UTC */
export const showDay = (day: string): string => dayMonth.format(new Date(`${day}T00:00:00Z`))

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** A relative time such as “3 minutes ago”; a date if it is more than two weeks away. */
export function showAgo(instant: string, now = Date.now()): string {
  const seconds = (new Date(instant).getTime() - now) / 1000
  if (Math.abs(seconds) > 14 * 86_400) return dateOnly.format(new Date(instant))
  for (const [unit, size] of steps)
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit)
  return t('just now')
}

const spellings: readonly (readonly [RegExp, string])[] = [
  [/\b(api|url|rp|csv|uuid|totp)(s?)\b/g, ''],
  [/\bsign (in|up|out)\b/g, 'sign-$1'],
]

/** An identifier as words: `reset_password` becomes “Reset password”, `api_keys` “API keys”. */
export function showName(name: string): string {
  const words = name.replace(/[._-]+/g, ' ')
  const spelled = spellings.reduce(
    (text, [pattern, by]) =>
      by
        ? text.replace(pattern, by)
        : text.replace(pattern, (_, word: string, plural: string) => word.toUpperCase() + plural),
    words,
  )
  return spelled.charAt(0).toUpperCase() + spelled.slice(1)
}

const methods: Readonly<Record<string, string>> = {
  pwd: 'Password',
  otp: 'Code',
  hwk: 'Passkey',
  swk: 'Synced passkey',
  user: '',
  mfa: '',
  fed: 'Provider',
}

/** The names of authentication methods (RFC 8176). @param amr such as `pwd otp` */
export function showMethods(amr: string): string {
  const shown = amr
    .split(/\s+/)
    .map((method) => (Object.hasOwn(methods, method) ? methods[method] : showName(method)))
    .filter((method) => method !== '')
  return shown.length > 0 ? shown.map((method) => t(String(method))).join(' + ') : t('Other')
}

/** The display name of a user, else first and last name, else the empty string. */
export const showPerson = ({
  display_name,
  first_name,
  last_name,
}: {
  readonly display_name: string | null
  readonly first_name?: string | null
  readonly last_name?: string | null
}): string => display_name || [first_name, last_name].filter(Boolean).join(' ')

export const showDevice = ({ browser, os, kind }: Device): string =>
  [browser, os].filter(Boolean).join(', ') || (kind === 'other' ? t('Unknown device') : showName(kind))
