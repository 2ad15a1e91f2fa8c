// What the routes of the admin API share: how operators prove themselves, pages, ETags.
import { type TSchema, Type } from '@sinclair/typebox'
import { closed, PathId, ProjectId } from '../primitives.ts'
import { json } from '../responses.ts'

/** How a route may be called: by an operator's session or key. */
export const byOperators = [{ bearer: [] }, { cookie: [] }, { operatorKey: [] }]

/** The same, and by a back end with the secret of the project that the request is about. */
export const byOperatorsOrSecret = [...byOperators, { projectBasic: [] }]

export const projectParams = Type.Object({ id: ProjectId })

export const userParams = Type.Object({
  id: ProjectId,
  user: PathId('UUID of the user.'),
})

/** The codes for a path that names an unknown project, or an unknown thing in it. */
export const unknownInPath = ['project_not_found', 'not_found'] as const

/** The query of a list in pages. */
export const pageQuery = {
  cursor: Type.Optional(
    Type.String({
      maxLength: 1024,
      description: 'The `next_cursor` of the page before; absent: the first page.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
}

/** The end of a page. */
const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'The cursor of the next page; null: this is the last one.',
  examples: [null],
})

/** The header without which a change of what several operators edit is refused. */
export const ifMatchHeader = {
  'if-match': Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'The ETag of what was read (RFC 9110 §13.1.1); `*`: whatever it is. Absent: 428.',
    }),
  ),
}

export const etagHeader = {
  ETag: { type: 'string', description: 'Names this state, for If-Match.' },
} as const

/** A page of a list. */
export const pageOf = <T extends TSchema>(description: string, item: T) =>
  json(description, Type.Object({ data: Type.Array(item), next_cursor: nextCursor }, closed))
