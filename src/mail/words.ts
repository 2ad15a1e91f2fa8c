// Values in the sentences of mails (names, addresses, lifetimes): cleaned, and formatted for the language.
import type { Language } from './language.ts'

const nameLength = 60

/**
 * Cleans a value: one line of at most 60 characters, without control characters (Cc), lone surrogates (Cs) and characters that
 * reorder the text around them (UAX #9: embeddings, overrides, isolates and marks).
 */
export function clean(value: string): string {
  const line = value
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  const characters = Array.from(line)
  if (characters.length <= nameLength) return line
  return `${characters
    .slice(0, nameLength - 1)
    .join('')
    .trimEnd()}…`
}

function cleanUnless(becomesLink: RegExp, value: string): string {
  const name = clean(value)
  return becomesLink.test(name) ? '' : name
}

/** A cleaned name; empty when a mail program would turn it into a link. */
export const nameOrNothing = (value: string): string =>
  cleanUnless(/[/\\@]|\p{L}{2}:|[\p{L}\p{N}][.\u3002\uff0e\uff61]\p{L}{2}/u, value)

/** A cleaned name of a platform, which may hold slashes; empty when a mail program would turn it into a link. */
export const platformOrNothing = (value: string): string =>
  cleanUnless(/@|\/\/|\p{L}{2}:|\bwww\b|[\p{L}\p{N}][.\u3002\uff0e\uff61]\p{L}{2}/iu, value)

/** Isolates a value whose direction may differ from that of the sentence, so that it does not reorder it (UAX #9). */
export function isolate(language: Language, value: string): string {
  const turned =
    language.direction === 'rtl' ||
    /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(value)
  return turned && value !== '' ? `\u2068${value}\u2069` : value
}

/** `ada@example.org` as `a***@example.org`: its owner recognizes it, other readers do not learn it. */
export function maskAddress(email: string): string {
  const [, first = '', domain = ''] = /^(.).*@([^@]+)$/su.exec(email) ?? []
  return domain === '' ? '***' : clean(`${first}***@${domain}`)
}

export function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

// Cached: creating one takes longer than composing the rest of a mail.
const formatters = new Map<string, Intl.NumberFormat>()

function formatterOf(locale: string, unit: 'day' | 'hour' | 'minute' | 'second'): Intl.NumberFormat {
  const key = `${locale} ${unit}`
  const known = formatters.get(key)
  if (known) return known
  const made = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' })
  formatters.set(key, made)
  return made
}

/** A lifetime in the language, such as "2 hours". Rounded down: a mail never promises more than the lifetime of its link. */
export function lifetimeInWords(language: Language, seconds: number): string {
  const [unit, size] =
    seconds >= 2 * 86_400
      ? (['day', 86_400] as const)
      : seconds >= 2 * 3600 || seconds === 3600
        ? (['hour', 3600] as const)
        : seconds >= 60
          ? (['minute', 60] as const)
          : (['second', 1] as const)
  const count = Math.max(1, Math.floor(seconds / size))
  return formatterOf(language.formats, unit).format(count)
}
