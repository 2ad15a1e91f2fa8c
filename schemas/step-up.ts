// Step-up: proving the owner of the account again in a session (RFC 9470).
import { Type } from '@sinclair/typebox'
import { actionErrors, writeErrors } from './errors.ts'
import { FactorCode } from './factors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { codeMailed, codeRequested } from './mailed-codes.ts'
import { factorMethods, OneOf, Password } from './primitives.ts'
import { bySession } from './security.ts'
import { sessionResponse } from './sessions.ts'
import { AssertionCredential } from './webauthn.ts'

export const stepUp = {
  operationId: 'stepUp',
  tags: ['Session'],
  summary: 'Prove the owner of the account again in this session',
  description:
    'For a route that answered `step_up_required`; send one of its `factors` as `method`. An account with a second factor proves that (`acr` is 2 afterwards), any other its password, and one without a password a mailed code; a passkey does for each (`passkey_options` of that answer). The answer has tokens of the same session with a new `auth_time`; its former tokens end. A wrong password or code counts like a failed sign-in; five wrong ones end a code.',
  security: bySession,
  headers: Type.Object(projectHeader),
  body: Type.Object({
    method: OneOf(['password', ...factorMethods], { examples: ['password'] }),
    password: Type.Optional(Password),
    code: Type.Optional(FactorCode),
    credential: Type.Optional(AssertionCredential),
  }),
  response: {
    200: sessionResponse('New tokens of the session.'),
    ...writeErrors('unauthenticated', 'too_many_attempts'),
  },
}

export const requestStepUpCode = {
  operationId: 'requestStepUpCode',
  tags: ['Session'],
  summary: 'Request a mailed code for a step-up',
  description:
    'For an account without a password. The code works once, for ten minutes, and in this session only. Asked for again within the cooldown, the answer is the same and no mail is sent.',
  security: bySession,
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  response: {
    202: codeRequested(codeMailed, {}),
    ...actionErrors('unauthenticated', 'validation_failed'),
  },
}
