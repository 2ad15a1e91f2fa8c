// Success responses in JSON.
import { type TSchema, Type } from '@sinclair/typebox'
import { closed } from './primitives.ts'

/** A response with a body of one schema. */
export const json = <T extends TSchema>(description: string, schema: T, headers?: object) => ({
  description,
  ...(headers && { headers }),
  content: { 'application/json': { schema } },
})

/** A response with a whole list, in `data`. */
export const listOf = <T extends TSchema>(description: string, item: T) =>
  json(description, Type.Object({ data: Type.Array(item) }, closed))
