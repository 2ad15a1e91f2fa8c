// Forgotten passwords: asking for the mail, and the new password by what it carried.
import { Type } from '@sinclair/typebox'
import { repeatable, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, projectSecretHeader, replayable } from './headers.ts'
import { Email, LinkTarget, NewPassword, Secret, Shared, ShortCode, Token } from './primitives.ts'
import { saying } from './sessions.ts'

export const Accepted = Type.Object(
  {
    message: Type.String({ examples: ['If this address has an account, a message is on its way.'] }),
    token: Type.Optional(
      Secret(
        Type.String({
          description: 'Where the application delivers mail, for a caller that sent the project secret.',
        }),
      ),
    ),
  },
  { $id: 'Accepted', additionalProperties: false },
)

/** A 202 that says what will be sent, and never whether there is anybody to send it to. */
export const accepted = (description: string) => ({
  description,
  content: { 'application/json': { schema: Shared(Accepted) } },
})

export const forgotPassword = {
  operationId: 'forgotPassword',
  tags: ['Password'],
  summary: 'Ask for a mail to choose a new password',
  description:
    'Known and unknown addresses get the same answer. The mail carries a link and a short code, which work once and for one hour. `redirect_to` is where the link leads instead of our own page; its origin must be one of the project’s `link_origins`.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader, ...idempotencyHeader }),
  body: Type.Object({ email: Email, redirect_to: Type.Optional(LinkTarget) }),
  response: { 202: replayable(accepted('Accepted.')), ...writeErrors(...repeatable) },
}

export const resetPassword = {
  operationId: 'resetPassword',
  tags: ['Password'],
  summary: 'Choose a new password with what the mail carried',
  description:
    'By the token of the link, or by the short code together with the address it was sent to. Ends every session of the user and voids every other message that was sent to them.',
  security: [{}],
  headers: Type.Object({ ...projectHeader, ...idempotencyHeader }),
  body: Type.Object({
    token: Type.Optional(Token),
    email: Type.Optional(Email),
    code: Type.Optional(ShortCode),
    password: NewPassword,
  }),
  response: {
    200: replayable(saying('Password updated. Please sign in.')),
    ...writeErrors('too_many_attempts', ...repeatable),
  },
}
