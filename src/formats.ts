// Formats that every part of the service may know: mailbox, UUID, loopback host, password length, languages.

/** Pattern of a mailbox: ASCII with a dotted domain (RFC 5321 §4.1.2), white space around it allowed. */
export const mailboxPattern =
  /^\s*(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\s*$/i

/** Characters of the longest address. */
export const maxEmailLength = 255

/** Characters that a new password must have at least and may have at most. */
export const passwordLength = { min: 8, max: 255 } as const

/** Languages that our mail and pages are written in (BCP 47, without region). */
export const languages = ['en', 'de', 'fr', 'es', 'zh', 'ar'] as const
export type LanguageTag = (typeof languages)[number]

/** The language of a locale (BCP 47), whatever its script and region: `de-AT` is German. Null where we do not write it. */
export function languageTagOf(locale: string | null): LanguageTag | null {
  const primary = /^[a-z]{2,3}(?=$|[-_])/i.exec(locale ?? '')?.[0].toLowerCase()
  return languages.find((language) => language === primary) ?? null
}

/** A sentence with its values in place of `{name}`. @throws TypeError for a name that has no value */
export function fill(sentence: string, values: Readonly<Record<string, string>>): string {
  return sentence.replace(/\{(\w+)\}/g, (_placeholder, name: string) => {
    const value = values[name]
    if (value === undefined) throw new TypeError(`A sentence names {${name}}, which has no value.`)
    return value
  })
}

/**
 * Whether an account can have this address.
 * @param text the address, possibly with white space around it
 */
export function isMailbox(text: string): boolean {
  return text.trim().length <= maxEmailLength && mailboxPattern.test(text)
}

/**
 * The spelling under which an address is stored and compared: trimmed, lower case. Addresses are ASCII, so lower case has
 * one meaning and two accounts cannot look alike.
 */
export function normalizeEmail(email: string): string {
  return email.trim().toLowerCase()
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether a text is a UUID (RFC 9562 §4) and can be passed to the database. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text)
}

/** Whether a text is a domain in lower case, such as example.com or localhost, and no address of the network. */
export function isDomain(text: string): boolean {
  if (text.length > 253) return false
  return (
    text === 'localhost' ||
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
  )
}

/**
 * Whether a host name is this machine: localhost, 127.0.0.0/8 or [::1].
 * @param hostname as `URL.hostname` spells it
 */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Whether a value is a JSON object: neither an array nor null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Nesting of free-form JSON beyond which it is refused: the database and every reader walk it. */
export const maxJsonDepth = 32

/** Whether a value of JSON is nested at most `levels` deep. */
export function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((entry) => isNestedWithin(entry, levels - 1))
}
