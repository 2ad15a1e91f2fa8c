// What the routes of the admin API share: how operators prove themselves, pages, ETags.
import { Type } from '@sinclair/typebox'

const projectId = '5e9f2e54-0000-4000-8000-000000000001'
const userId = '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'

/** How a route may be called: by an operator's session or key. */
export const byOperators = [{ bearer: [] }, { cookie: [] }, { operatorKey: [] }]

/** The same, and by a back end with the secret of the project that the request is about. */
export const byOperatorsOrSecret = [...byOperators, { projectBasic: [] }]

const projectParam = Type.String({ description: 'UUID of the project.', examples: [projectId] })

export const projectParams = Type.Object({ id: projectParam })

export const userParams = Type.Object({
  id: projectParam,
  user: Type.String({ description: 'UUID of the user.', examples: [userId] }),
})

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
export const nextCursor = Type.Union([Type.String(), Type.Null()], {
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

/** A 200 with JSON. */
export const ok = <T>(description: string, schema: T, headers?: object) => ({
  description,
  ...(headers && { headers }),
  content: { 'application/json': { schema } },
})
