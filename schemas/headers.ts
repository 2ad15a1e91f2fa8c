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

/** On routes whose repetition must not do a thing twice. */
export const idempotencyHeader = {
  'idempotency-key': Type.Optional(
    Type.String({
      // RFC 9651 §3.3.3 without blanks, or the same without quotes; two headers are joined by a comma and a blank.
      pattern: '^(?:"(?:[!#-\\[\\]-~]|\\\\["\\\\]){1,255}"|[!#-~][!-~]{0,254})$',
      description:
        'Names this request, so that it can be sent again when no answer came: 1 to 255 visible characters, best a random UUID, as they are or in double quotes. For 24 hours the same key with the same body gets the same answer, marked by `idempotency-replayed`, and nothing is done twice; with another body it is refused (422), while the first is under way too (409). The answer is given to nobody who does not send all of the first request again, its password included. Refusals are not kept: mend the request and use the key again.',
      examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
    }),
  ),
}

/** A success that may be given again. */
export const replayable = <Response extends object>(response: Response & { headers?: object }) => ({
  ...response,
  headers: {
    ...response.headers,
    'Idempotency-Replayed': {
      type: 'string',
      enum: ['true'],
      description: 'The request was carried out before, and this is its answer.',
    } as const,
  },
})

export const sessionHeaders = {
  'Set-Cookie': {
    type: 'string',
    description: 'In cookie mode: the access and the refresh cookie, HttpOnly.',
  },
} as const
