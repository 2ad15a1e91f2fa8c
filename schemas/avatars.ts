// The picture of an account: uploaded as a data URI or as bytes, served without authentication at a URL of its own.
import { Type } from '@sinclair/typebox'
import { actionErrors, errorResponses, writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { PathId } from './primitives.ts'
import { userResponse } from './profile.ts'
import { byAnyone, bySessionOrKey } from './security.ts'

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
    'A complete PNG, JPEG, GIF or WebP picture whose bytes match its media type, at most 8192 pixels on a side and 16.7 million pixels in all frames. As a data URI it may have 500 000 characters, which is about 375 000 bytes; the same limit applies to bytes, and a longer picture is a 413. Each picture gets a new URL.',
  security: bySessionOrKey,
  headers: Type.Object(projectHeader),
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
    200: userResponse('The user with the new avatar_url.'),
    ...writeErrors('unauthenticated', 'insufficient_scope'),
  },
}

export const deleteAvatar = {
  operationId: 'deleteAvatar',
  tags: ['Profile'],
  summary: 'Remove the picture',
  security: bySessionOrKey,
  headers: Type.Object(projectHeader),
  response: {
    204: Type.Null({ description: 'The account has no picture now.' }),
    ...actionErrors('unauthenticated', 'insufficient_scope'),
  },
}

const caching = {
  ETag: { type: 'string', description: 'Strong; it never changes.' },
  'Cache-Control': { type: 'string', description: 'public, max-age=31536000, immutable' },
} as const

export const getAvatar = {
  operationId: 'getAvatar',
  tags: ['Profile'],
  summary: 'Get a picture',
  description:
    'Needs neither project nor session, so that <img> can show it. The content at a URL never changes.',
  security: byAnyone,
  headers: Type.Object({ 'if-none-match': Type.Optional(Type.String()) }),
  params: Type.Object({
    id: PathId('The id of the picture.'),
  }),
  response: {
    200: {
      description: 'The picture.',
      headers: caching,
      content: eachMediaType(() => ({ schema: Type.String({ format: 'binary' }) })),
    },
    304: Type.Null({ description: 'The picture that the client has is current.' }),
    ...errorResponses('not_found', 'service_unavailable'),
  },
}
