// Sign-in by mail: a link, or a code for the client that asked.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader, transportHeader } from './headers.ts'
import { codeRequested } from './mailed-codes.ts'
import { DeviceToken, Email, Id, LinkTarget, ShortCode, Token } from './primitives.ts'
import { byAnyone } from './security.ts'
import { sessionResponse } from './sessions.ts'

const tags = ['Sign-up and sign-in']
export const signInMailed = 'If this address can sign in, a mail with a link and a code is on its way.'
const flowExample = '2f1c7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'

export const requestEmailSignIn = {
  operationId: 'requestEmailSignIn',
  tags,
  summary: 'Request a mail that signs its reader in',
  description:
    'Where the policy `email_sign_in` is `existing` or `sign_up`, which also makes accounts; else 422. The answer is the same for every address. The code of the mail works once, for ten minutes, and only with this `flow`; the link asks on a page of the service in which browser to go on, and leads to `redirect_to`, or to the address of the policy, with `type=sign_in` and `token` in its query.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  body: Type.Object({ email: Email, redirect_to: Type.Optional(LinkTarget) }),
  response: {
    202: codeRequested(signInMailed, {
      flow: {
        ...Id,
        description: 'Keep it where the person types the code.',
        examples: [flowExample],
      },
    }),
    ...writeErrors(),
  },
}

export const confirmEmailSignIn = {
  operationId: 'confirmEmailSignIn',
  tags,
  summary: 'Sign in by the link or code of a mail',
  description:
    'With `token`, or with `flow` and `code`. A wrong code counts like a failed sign-in; five wrong ones end it. Where a second factor is due, the answer is 403 `second_factor_required`, and a mailed code is none.',
  security: byAnyone,
  headers: Type.Object({ ...projectHeader, ...transportHeader }),
  body: Type.Object({
    token: Type.Optional(Token),
    flow: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: [flowExample] })),
    code: Type.Optional(ShortCode),
    device_token: Type.Optional(DeviceToken),
  }),
  response: {
    200: sessionResponse('Signed in.'),
    ...writeErrors('second_factor_required', 'account_disabled', 'too_many_attempts'),
  },
}
