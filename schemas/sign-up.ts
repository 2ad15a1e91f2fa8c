// Sign-up: a new account, with its first session or a request to verify the address.
import { Type } from '@sinclair/typebox'
import { idempotencyCodes, writeErrors } from './errors.ts'
import {
  idempotencyHeader,
  projectHeader,
  projectSecretHeader,
  replayable,
  transportHeader,
} from './headers.ts'
import { closed, Email, HandedToken, NewPassword, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { sessionResponse } from './sessions.ts'
import { Metadata, profileFields, User } from './users.ts'

export const VerificationRequired = Type.Object(
  {
    message: Type.String({ examples: ['Please verify your e-mail address to finish signing up.'] }),
    code: Type.Literal('email_verification_required'),
    verification_required: Type.Literal(true),
    user: Shared(User),
    verification_token: Type.Optional(HandedToken),
  },
  { $id: 'VerificationRequired', ...closed },
)

export const signUp = {
  operationId: 'signUp',
  tags: ['Sign-up and sign-in'],
  summary: 'Create an account',
  description:
    'Answers 201 with tokens, or 202 where the project requires a verified address first. With `session-transport: cookie` the tokens are sent in HttpOnly cookies, and the body has only the times and the user.',
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
    ...profileFields,
    metadata: Type.Optional(
      Metadata({
        'x-max-json-bytes': 16_384,
        description: 'Data of the application about the account; at most 16 KiB of JSON.',
        examples: [{ plan: 'free' }],
      }),
    ),
  }),
  response: {
    201: replayable(sessionResponse('The account, signed in.')),
    202: replayable(
      json(
        'The account exists once its address is verified. A taken address gets the same answer.',
        Shared(VerificationRequired),
      ),
    ),
    ...writeErrors('sign_up_closed', ...idempotencyCodes),
  },
}
