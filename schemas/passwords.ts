// Changing the password of the signed-in user, and setting the first one.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, sessionHeaders } from './headers.ts'
import { closed, NewPassword, Password, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { bySession } from './security.ts'
import { Session } from './sessions.ts'
import { User } from './users.ts'

const { access_token, token_type, expires_at, expires_in, refresh_token, refresh_token_expires_at } =
  Session.properties

/** One sentence, and the new tokens of the session that asked. */
export const RenewedSession = Type.Object(
  {
    message: Type.String(),
    access_token,
    token_type,
    expires_at: Type.Optional(expires_at),
    expires_in: Type.Optional(expires_in),
    refresh_token,
    refresh_token_expires_at: Type.Optional(refresh_token_expires_at),
    user: Type.Optional(Shared(User)),
  },
  { $id: 'RenewedSession', ...closed },
)

/** A 200 with a sentence and new tokens. */
export const renewedSession = (message: string) => json(message, Shared(RenewedSession), sessionHeaders)

export const changePassword = {
  operationId: 'changePassword',
  tags: ['Password'],
  summary: 'Change the password',
  description:
    'Ends every other session of the user. This one goes on with the new tokens of the answer, in the body or in cookies; its former tokens end. A session that another API opened keeps its tokens and gets none. A wrong current password is a 422 on current_password and counts like a failed sign-in. An account with a second factor proves it first, by a sign-in or step-up within the time of the policy.',
  security: bySession,
  headers: Type.Object(projectHeader),
  body: Type.Object({
    current_password: Password,
    new_password: { ...NewPassword, examples: ['another horse, another battery'] },
  }),
  response: {
    200: renewedSession('Password updated.'),
    ...writeErrors('unauthenticated', 'step_up_required', 'too_many_attempts'),
  },
}

export const setPassword = {
  operationId: 'setPassword',
  tags: ['Password'],
  summary: 'Set the first password of an account that has none',
  description:
    'Needs a sign-in or a step-up within the time that the policy `reauthentication` sets. Ends every other session of the user; this one goes on with the new tokens of the answer, and its former tokens end. The owner is notified by mail.',
  security: bySession,
  headers: Type.Object(projectHeader),
  body: Type.Object({ new_password: NewPassword }),
  response: {
    200: renewedSession('Password set.'),
    ...writeErrors('unauthenticated', 'step_up_required'),
  },
}
