// Sign-up: an account, and its first session or the demand to verify.
import { Type } from '@sinclair/typebox'
import { repeatable, writeErrors } from './errors.ts'
import {
  idempotencyHeader,
  projectHeader,
  projectSecretHeader,
  replayable,
  sessionHeaders,
  transportHeader,
} from './headers.ts'
import { Email, Name, NewPassword, Nullable, Secret, Shared } from './primitives.ts'
import { Session } from './sessions.ts'
import { User } from './users.ts'

export const VerificationRequired = Type.Object(
  {
    message: Type.String({ examples: ['Please verify your e-mail address to finish signing up.'] }),
    code: Type.Literal('email_verification_required'),
    verification_required: Type.Literal(true),
    user: Shared(User),
    verification_token: Type.Optional(
      Secret(
        Type.String({
          description:
            'Where the application delivers verification, for a caller that sent the project secret.',
        }),
      ),
    ),
  },
  { $id: 'VerificationRequired', additionalProperties: false },
)

export const signUp = {
  operationId: 'signUp',
  tags: ['Sign-up and sign-in'],
  summary: 'Create an account',
  description:
    'Answers 201 with tokens, or 202 where the project demands a verified address first. With `session-transport: cookie` the tokens travel in HttpOnly cookies and the body keeps the instants and the user.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({
    ...projectHeader,
    ...transportHeader,
    ...projectSecretHeader,
    ...idempotencyHeader,
  }),
  body: Type.Object({
    email: Email,
    password: NewPassword,
    display_name: Type.Optional(Nullable(Name)),
    first_name: Type.Optional(Nullable(Name)),
    last_name: Type.Optional(Nullable({ ...Name, examples: ['Lovelace'] })),
    metadata: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        'x-max-json-bytes': 16_384,
        description: 'What the application keeps with the account; at most 16 KiB of JSON.',
        examples: [{ plan: 'free' }],
      }),
    ),
  }),
  response: {
    201: replayable({
      description: 'The account, signed in.',
      headers: sessionHeaders,
      content: { 'application/json': { schema: Shared(Session) } },
    }),
    202: replayable({
      description: 'The account exists once its address is verified. A taken address gets the same answer.',
      content: { 'application/json': { schema: Shared(VerificationRequired) } },
    }),
    ...writeErrors(...repeatable),
  },
}
