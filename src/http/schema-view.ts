// Shows rows as a schema describes them: each property from the column of the same name in camelCase, a Date as ISO 8601.
import type { Static, TObject, TSchema } from '@sinclair/typebox'

type CamelCase<Name> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name

/** The type of a column, from the type of its property in the answer. */
type Source<Shown> = Shown extends string
  ? string extends Shown
    ? string | Date
    : Shown
  : Shown extends readonly (infer Item)[]
    ? readonly Source<Item>[]
    : Shown extends object
      ? { readonly [Name in keyof Shown as CamelCase<Name>]: Source<Shown[Name]> }
      : Shown

type Show = (value: unknown) => unknown

const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const showValue: Show = (value) => (value instanceof Date ? value.toISOString() : value)

function compile({ $ref, anyOf, items, properties }: TSchema): Show {
  if ($ref) throw new Error(`A view of ${$ref} is another view.`)
  const nullable = (anyOf as TSchema[] | undefined)?.find((option) => option.properties)
  if (nullable) {
    const show = compile(nullable)
    return (value) => (value === null ? null : show(value))
  }
  if (items) {
    const show = compile(items)
    return (list) => (list as unknown[]).map(show)
  }
  if (!properties) return showValue
  const columns = Object.entries(properties as Record<string, TSchema>).map(
    ([name, property]) => [name, camelCase(name), compile(property)] as const,
  )
  return (row) => {
    const shown: Record<string, unknown> = {}
    for (const [name, column, show] of columns) shown[name] = show((row as Record<string, unknown>)[column])
    return shown
  }
}

/** Builds the view of rows by a schema; columns that it does not name are left out. @throws Error for a `$ref` in it */
export function viewOf<T extends TObject>(schema: T): (row: Source<Static<T>>) => Static<T> {
  return compile(schema) as (row: Source<Static<T>>) => Static<T>
}
