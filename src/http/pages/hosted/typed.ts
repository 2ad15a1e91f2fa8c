// Reads the fields of forms. Their values are untrusted.
import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readCode } from '../../typed-code.ts'

/** The fields of a form as they were typed; one that is absent is empty. */
export type Typed = (name: string) => string

/** The fields of a parsed body. */
export const typedIn = (body: unknown): Typed => {
  const fields = Object(body) as Readonly<Record<string, unknown>>
  return (name) => (Object.hasOwn(fields, name) && typeof fields[name] === 'string' ? fields[name] : '')
}

/** A typed code of six digits; null: it is none, so nothing is tried. */
export function digitsIn(text: string): string | null {
  const code = readCode(text.slice(0, 64))
  return /^\d{6}$/.test(code) ? code : null
}

/** JSON that the script of the pages sent, such as the answer of a passkey; null: it does not fit the schema. */
export function jsonIn<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> | null {
  try {
    const value: unknown = JSON.parse(text)
    return Value.Check(schema, value) ? value : null
  } catch {
    return null
  }
}

/** Whether a text may be tried as a password that was chosen before. */
export const isTriable = (text: string): boolean =>
  text !== '' && text.length <= 1024 && !text.includes('\0') && text.isWellFormed()

/** Whether a text can be stored as a name: one line. @param max characters */
export const isName = (text: string, max: number): boolean =>
  [...text].length <= max && text.isWellFormed() && !/\p{Cc}/u.test(text)
