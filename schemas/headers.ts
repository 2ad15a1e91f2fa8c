// Request headers that routes share, and the response headers a session comes with.
import { Type } from '@sinclair/typebox'
import { Secret } from './primitives.ts'

export const projectHeader = {
  'project-id': Type.Optional(
    Type.String({ description: 'UUID of the project. Left out: the default project of this installation.' }),
  ),
}

export const transportHeader = {
  'session-transport': Type.Optional(
    // As an enum, not a union of literals: Swagger UI offers the choices of no other form.
    Type.Unsafe<'bearer' | 'cookie'>({
      type: 'string',
      enum: ['bearer', 'cookie'],
      description: 'How the tokens travel: in the body (bearer, the default) or in HttpOnly cookies.',
    }),
  ),
}

export const projectSecretHeader = {
  'project-secret': Type.Optional(
    Secret(
      Type.String({
        description: 'Proves a back end of the application. Never send it from a browser or an app.',
      }),
    ),
  ),
}

export const sessionHeaders = {
  'Set-Cookie': {
    type: 'string',
    description: 'In cookie mode: the access and the refresh cookie, HttpOnly.',
  },
} as const
