// Proving an e-mail address: asking for another mail, and redeeming what it carried.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { Email, Secret, Shared, ShortCode, Token } from './primitives.ts'
import { User } from './users.ts'

const Resent = Type.Object(
  {
    message: Type.String({
      examples: ['If this address belongs to an account that is not verified yet, a message is on its way.'],
    }),
    verification_token: Type.Optional(
      Secret(
        Type.String({
          description:
            'Where the application delivers verification, for a caller that sent the project secret.',
        }),
      ),
    ),
    resend_cooldown_active: Type.Optional(Type.Literal(true)),
    retry_after_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { $id: 'VerificationResent', additionalProperties: false },
)

const Confirmed = Type.Object(
  { message: Type.String({ examples: ['E-mail address verified.'] }), user: Shared(User) },
  { $id: 'VerificationConfirmed', additionalProperties: false },
)

export const verificationSchemas = [Resent, Confirmed]

export const resendVerification = {
  operationId: 'resendVerificationEmail',
  tags: ['Verification'],
  summary: 'Ask for another verification message',
  description: 'Unknown and verified addresses get the same answer and the same cooldown.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  body: Type.Object({ email: Email }),
  response: {
    200: {
      description: 'Accepted, or still cooling down.',
      content: { 'application/json': { schema: Shared(Resent) } },
    },
    ...writeErrors(),
  },
}

export const confirmVerification = {
  operationId: 'confirmVerificationEmail',
  tags: ['Verification'],
  summary: 'Prove the address',
  description: 'By the token of the link, or by the short code together with the address it was sent to.',
  security: [{}],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({
    token: Type.Optional(Token),
    email: Type.Optional(Email),
    code: Type.Optional(ShortCode),
  }),
  response: {
    200: {
      description: 'The address is verified.',
      content: { 'application/json': { schema: Shared(Confirmed) } },
    },
    ...writeErrors('too_many_attempts'),
  },
}
