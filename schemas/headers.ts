// Request headers that routes share, and the response headers of a session.
import { Type } from '@sinclair/typebox'
import { OneOf, Secret } from './primitives.ts'

export const projectHeader = {
  'project-id': Type.Optional(
    Type.String({ description: 'UUID of the project. Absent: the default project of this installation.' }),
  ),
}

export const transportHeader = {
  'session-transport': Type.Optional(
    OneOf(['bearer', 'cookie'], {
      description: 'How tokens are sent: in the body (bearer, the default) or in HttpOnly cookies.',
    }),
  ),
}

export const projectSecretHeader = {
  'project-secret': Type.Optional(
    Secret(
      Type.String({
        description: 'Authenticates a back end of the application. Never send it from a browser or an app.',
      }),
    ),
  ),
}

/** The header of routes that must not act twice when a request is repeated. */
export const idempotencyHeader = {
  'idempotency-key': Type.Optional(
    Type.String({
      // No example: Swagger UI would send it with every try, and the second one would be the first's repetition.
      // RFC 9651 §3.3.3 without blanks, or the same without quotes; two headers are joined by a comma and a blank.
      pattern: '^(?:"(?:[!#-\\[\\]-~]|\\\\["\\\\]){1,255}"|[!#-~][!-~]{0,254})$',
      description:
        'Identifies this request, so that it can be repeated when no answer came: 1 to 255 visible characters, with or without double quotes, preferably a random UUID. For 24 hours the same key with the same body gets the same answer, marked by `idempotency-replayed`, and nothing is done twice. Another body is refused (422), and so is a repetition while the first request is being processed (409). The answer is returned only for the whole first request, password included. Refusals are not kept: correct the request and use the key again.',
    }),
  ),
}

/** A success response that may be replayed. */
export const replayable = <Response extends object>(response: Response & { headers?: object }) => ({
  ...response,
  headers: {
    ...response.headers,
    'Idempotency-Replayed': {
      type: 'string',
      enum: ['true'],
      description: 'Present when this is the stored answer of an earlier request with the same key.',
    } as const,
  },
})

export const sessionHeaders = {
  'Set-Cookie': {
    type: 'string',
    description: 'In cookie mode: the access and the refresh cookie, HttpOnly.',
  },
} as const
