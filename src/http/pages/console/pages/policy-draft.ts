// The draft of a policy: its changes, and the policy to store.
import { isObject, isSame } from '../json.ts'
import type { Policy, PolicyChange } from '../types.ts'

/** A JSON Schema with the keywords that policies use. */
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
}

export type Path = readonly string[]

/** The value at a path, or undefined. */
export function valueAt(policy: Policy, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), policy)
}

/** A copy with another value at a path. Undefined removes the key, and a section that is empty without it. */
export function withValue(policy: Policy, [key = '', ...rest]: Path, value: unknown): Policy {
  const { [key]: before, ...others } = policy
  const after = rest.length === 0 ? value : withValue(isObject(before) ? before : {}, rest, value)
  if (after === undefined || (rest.length > 0 && isObject(after) && Object.keys(after).length === 0))
    return others
  // Keeps the order of keys, because isSame compares it.
  return Object.hasOwn(policy, key) ? { ...policy, [key]: after } : { ...others, [key]: after }
}

/** The fields of a schema with their paths. A record or a list is one field. */
export function fieldsOf(schema: Schema, path: Path = []): readonly (readonly [Path, Schema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) =>
    inner.properties ? fieldsOf(inner, [...path, key]) : [[[...path, key], inner] as const],
  )
}

/** The differences between two policies, field by field. */
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
 * The policy to store: the stored one with the changed fields of the draft. A field that was set back to its default is
 * removed.
 */
export function storedAfter(schema: Schema, stored: Policy, effective: Policy, draft: Policy): Policy {
  return fieldsOf(schema).reduce((policy, [path, { default: byDefault }]) => {
    const value = valueAt(draft, path)
    if (isSame(valueAt(effective, path), value)) return policy
    return withValue(policy, path, isSame(value, byDefault) ? undefined : value)
  }, stored)
}
