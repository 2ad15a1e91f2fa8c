// Forgotten passwords: requesting the mail, and setting a new password with its token or code.
import { Type } from '@sinclair/typebox'
import { idempotencyCodes, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, projectSecretHeader, replayable } from './headers.ts'
import { closed, Email, HandedToken, LinkTarget, mailedProof, NewPassword, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { byAnyone } from './security.ts'
import { messageResponse } from './sessions.ts'

export const Accepted = Type.Object(
  {
    message: Type.String({ examples: ['If this address has an account, a message is on its way.'] }),
    token: Type.Optional(HandedToken),
  },
  { $id: 'Accepted', ...closed },
)

/** A 202 that is the same whether or not there is an account. */
export const accepted = (description: string) => json(description, Shared(Accepted))

export const forgotPassword = {
  operationId: 'forgotPassword',
  tags: ['Password'],
  summary: 'Request a mail to choose a new password',
  description:
    'Known and unknown addresses get the same answer. The mail has a link and a short code, which work once within one hour. The link leads to `redirect_to` instead of our own page; it must be one of the policy’s `redirect_urls`.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader, ...idempotencyHeader }),
  body: Type.Object({ email: Email, redirect_to: Type.Optional(LinkTarget) }),
  response: { 202: replayable(accepted('Accepted.')), ...writeErrors(...idempotencyCodes) },
}

export const resetPassword = {
  operationId: 'resetPassword',
  tags: ['Password'],
  summary: 'Choose a new password with the link or code of the mail',
  description:
    'Takes the token of the link, or the short code and the address it was sent to. Ends every session of the user and voids every other mailed link and code.',
  security: byAnyone,
  headers: Type.Object({ ...projectHeader, ...idempotencyHeader }),
  body: Type.Object({
    ...mailedProof,
    password: NewPassword,
  }),
  response: {
    200: replayable(messageResponse('Password updated. Please sign in.')),
    ...writeErrors('too_many_attempts', ...idempotencyCodes),
  },
}
