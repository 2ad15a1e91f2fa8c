// A policy that is being edited: what differs, and what is stored when it is saved.
import { isObject, isSame } from '../json.ts'
import type { Policy, PolicyChange } from '../types.ts'

/** A JSON Schema, as far as a policy uses it. */
export interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly const?: unknown
  readonly default?: unknown
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly format?: string
}

export type Path = readonly string[]

/** The value at a path; undefined: none. */
export function valueAt(policy: Policy, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), policy)
}

/** A copy with another value at a path; undefined: without it, and without a section that is then empty. */
export function withValue(policy: Policy, [key = '', ...rest]: Path, value: unknown): Policy {
  const { [key]: before, ...others } = policy
  const after = rest.length === 0 ? value : withValue(isObject(before) ? before : {}, rest, value)
  if (after === undefined || (rest.length > 0 && isObject(after) && Object.keys(after).length === 0))
    return others
  // The order of the keys stays, so that a value that is set back is the same again.
  return Object.hasOwn(policy, key) ? { ...policy, [key]: after } : { ...others, [key]: after }
}

/** The paths of the fields that a schema describes: records and lists are one field each. */
export function fieldsOf(schema: Schema, path: Path = []): readonly (readonly [Path, Schema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) =>
    inner.properties ? fieldsOf(inner, [...path, key]) : [[[...path, key], inner] as const],
  )
}

/** What differs between two policies, field by field. */
export function changesOf(schema: Schema, before: Policy, after: Policy): readonly PolicyChange[] {
  return fieldsOf(schema)
    .filter(([path]) => !isSame(valueAt(before, path), valueAt(after, path)))
    .map(([path]) => ({
      key: path.join('.'),
      before: valueAt(before, path),
      after: valueAt(after, path),
      reset: false,
    }))
}

/**
 * What is stored when a draft is saved: what was stored, with the fields that differ from what is in force. A field that has its
 * default again is stored no more.
 */
export function storedAfter(schema: Schema, stored: Policy, effective: Policy, draft: Policy): Policy {
  return fieldsOf(schema).reduce((policy, [path, { default: byDefault }]) => {
    const value = valueAt(draft, path)
    if (isSame(valueAt(effective, path), value)) return policy
    return withValue(policy, path, isSame(value, byDefault) ? undefined : value)
  }, stored)
}
