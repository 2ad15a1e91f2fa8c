// Converts values of other products into our forms. A value that cannot be converted is left out.
import { createHash } from 'node:crypto'
import type { PersonField } from '../../domain/operators/person-schema.ts'

/** A person in the form of our own JSON lines, before it is checked. */
export type Person = { [Field in PersonField]?: unknown } & Record<string, unknown>

/** An object of JSON, whose values are not known. */
export type Json = Readonly<Record<string, unknown>>

export const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}

export const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(objectOf) : [])

/** The object or list in a field, which in CSV is text. */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return undefined
  }
}

/** Text without blanks at its ends; undefined where there is none. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined
}

/** A name, which is cut where it is longer than ours may be. */
export const nameOf = (value: unknown): string | undefined => textOf(value)?.slice(0, 255)

/** true, "true", "t" of PostgreSQL, 1. */
export const truthOf = (value: unknown): boolean =>
  value === true || value === 1 || (typeof value === 'string' && /^(?:true|t|1|yes)$/i.test(value.trim()))

const dated = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** ISO 8601, of a date or an instant as PostgreSQL writes it; one without a zone is in UTC. */
function isoOf(text: string): string {
  const [, day, time = '00:00', zone = 'Z'] = dated.exec(text) ?? []
  return day
    ? `${day}T${time}${zone.replace(/^([+-]\d\d):?(\d\d)?$/, (_, h, m = '00') => `${h}:${m}`)}`
    : text
}

/** An instant in ISO 8601, from the forms that exports have: ISO, PostgreSQL's, and milliseconds or seconds since 1970. */
export function instantOf(value: unknown): string | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  const number = Number(text)
  // Seconds until 1e11 reach the year 5138; as milliseconds they are before 1974.
  const at = Number.isFinite(number)
    ? new Date(number < 1e11 ? number * 1000 : number)
    : new Date(isoOf(text))
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}

/** Base64 of any alphabet, with or without padding, as base64url without it (RFC 4648 §5). */
export const base64UrlOf = (value: unknown): string | undefined =>
  textOf(value)?.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')

/** A language, where the text is one. */
export function languageOf(value: unknown): string | undefined {
  const text = textOf(value)?.replaceAll('_', '-')
  return text && /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(text) && text.length <= 35 ? text : undefined
}

/** When an address was proven, of products that say whether and not when: when the account was made. */
export const verifiedAt = (isVerified: unknown, createdAt: unknown): string | undefined =>
  truthOf(isVerified) ? (instantOf(createdAt) ?? new Date().toISOString()) : undefined

/** When an account was disabled, of products that say whether and not when: now. */
export const disabledAt = (isDisabled: unknown): string | undefined =>
  truthOf(isDisabled) ? new Date().toISOString() : undefined

/** A person without the fields that are null or undefined. */
export function personOf(fields: Person): Person {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as Person
}

/** Metadata without empty values; undefined where none is left. */
export function metadataOf(fields: Json): Json | undefined {
  const kept = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  )
  return kept.length > 0 ? Object.fromEntries(kept) : undefined
}

/** The names of providers, as products spell them, in ours. */
const providers: Readonly<Record<string, string>> = {
  'google-oauth2': 'google',
  'google.com': 'google',
  'apple.com': 'apple',
  'github.com': 'github',
  windowslive: 'microsoft',
  azure: 'microsoft',
  'azuread-v2': 'microsoft',
  'facebook.com': 'facebook',
  'twitter.com': 'twitter',
}

/** The name of a provider in our spelling. */
export const providerOf = (value: unknown): string => {
  const name = (textOf(value) ?? 'unknown').toLowerCase().replace(/^oauth_/, '')
  return (
    providers[name] ??
    name
      .replace(/[^a-z0-9_-]/g, '-')
      .replace(/^[^a-z]+/, 'x')
      .slice(0, 32)
  )
}

/**
 * Derives a UUID (version 8, RFC 9562 §5.8) from an id of another product. It is the same for each import into one project, and
 * differs between projects.
 */
export function uuidOf(project: string, kind: string, id: string): string {
  const hash = createHash('sha256').update([project, kind, id].join('\0')).digest().subarray(0, 16)
  // Version and variant.
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
