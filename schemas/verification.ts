// Verifying an e-mail address: requesting another mail, and confirming with its token or code.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { closed, Email, HandedToken, mailedProof, Password, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { User } from './users.ts'

const Resent = Type.Object(
  {
    message: Type.String({
      examples: [
        'If there is something to verify at this address, a message is on its way. Earlier codes no longer work.',
      ],
    }),
    verification_token: Type.Optional(HandedToken),
    resend_cooldown_active: Type.Optional(Type.Literal(true)),
    retry_after_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { $id: 'VerificationResent', ...closed },
)

const Confirmed = Type.Object(
  { message: Type.String({ examples: ['E-mail address verified.'] }), user: Shared(User) },
  { $id: 'VerificationConfirmed', ...closed },
)

export const verificationSchemas = [Resent, Confirmed]

export const resendVerification = {
  operationId: 'resendVerificationEmail',
  tags: ['Verification'],
  summary: 'Request another verification mail',
  description:
    'Unknown and verified addresses get the same answer and the same cooldown. In a session of the account an address that was verified without its holder gets another code: typed in the session, it proves mailbox and holder together, as a passkey needs.',
  security: [{}, { projectSecret: [] }, { bearer: [] }, { cookie: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  body: Type.Object({ email: Email }),
  response: {
    200: json('Accepted, whether or not a mail is sent.', Shared(Resent)),
    ...writeErrors(),
  },
}

export const confirmVerification = {
  operationId: 'confirmVerificationEmail',
  tags: ['Verification'],
  summary: 'Verify the address',
  description:
    'Takes the token of the link, or the short code and the address it was sent to. In a session of the account, or with its password, it proves mailbox and holder together; without, the mailbox alone: then a person who later enters by the mailbox ends what was set up before. Where verification is demanded, it makes the account that was typed at sign-up.',
  security: [{}, { bearer: [] }, { cookie: [] }],
  headers: Type.Object(projectHeader),
  body: Type.Object({ ...mailedProof, current_password: Type.Optional(Password) }),
  response: {
    200: json('The address is verified.', Shared(Confirmed)),
    ...writeErrors('too_many_attempts'),
  },
}
