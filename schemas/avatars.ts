// The picture of an account: handed in as a data URI or as bytes, shown to whoever has been told its address.
import { Type } from '@sinclair/typebox'
import { actionErrors, errorResponses, writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { showingUser } from './profile.ts'

const mediaTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const

const eachMediaType = <T>(media: (mediaType: string) => T): Record<string, T> =>
  Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, media(mediaType)]))

const onePixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

export const putAvatar = {
  operationId: 'putAvatar',
  tags: ['Profile'],
  summary: 'Set the picture',
  description:
    'A whole PNG, JPEG, GIF or WebP picture whose bytes are what they are said to be, at most 8192 pixels on a side. It may be as long as 500 000 characters of data URI, about 375 000 bytes, however it is sent; a longer one is 413. Each picture gets a new address.',
  security: [{ bearer: [] }, { cookie: [] }, { apiKey: [] }],
  headers: Type.Object({ ...projectHeader }),
  body: {
    content: {
      'application/json': {
        schema: Type.Object({
          avatar: Type.String({
            description: 'The picture as a data URI (RFC 2397) in base64.',
            examples: [onePixel],
          }),
        }),
      },
      ...eachMediaType((contentMediaType) => ({
        schema: Type.Unsafe<unknown>({ contentMediaType, description: 'The bytes of the picture.' }),
      })),
    },
  },
  response: {
    200: showingUser('The user with the new avatar_url.'),
    ...writeErrors('unauthenticated', 'insufficient_scope'),
  },
}

export const deleteAvatar = {
  operationId: 'deleteAvatar',
  tags: ['Profile'],
  summary: 'Remove the picture',
  security: [{ bearer: [] }, { cookie: [] }, { apiKey: [] }],
  headers: Type.Object({ ...projectHeader }),
  response: {
    204: Type.Null({ description: 'There is no picture, or none any more.' }),
    ...actionErrors('unauthenticated', 'insufficient_scope'),
  },
}

const caching = {
  ETag: { type: 'string', description: 'Strong; the same for ever.' },
  'Cache-Control': { type: 'string', description: 'public, max-age=31536000, immutable' },
} as const

export const getAvatar = {
  operationId: 'getAvatar',
  tags: ['Profile'],
  summary: 'A picture',
  description:
    'For anybody who has been told the address, without project or session, so that <img> can show it. What stands at an address never changes.',
  security: [{}],
  headers: Type.Object({ 'if-none-match': Type.Optional(Type.String()) }),
  params: Type.Object({
    id: Type.String({
      description: 'Of the picture.',
      examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'],
    }),
  }),
  response: {
    200: {
      description: 'The picture.',
      headers: caching,
      content: eachMediaType(() => ({ schema: Type.String({ format: 'binary' }) })),
    },
    304: Type.Null({ description: 'The one that the client has is the one.' }),
    ...errorResponses('not_found', 'service_unavailable'),
  },
}
