// Changing the password of the signed-in user.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { NewPassword, Password } from './primitives.ts'
import { saying } from './sessions.ts'

export const changePassword = {
  operationId: 'changePassword',
  tags: ['Password'],
  summary: 'Change the password',
  description:
    'Ends every other session of the user and keeps this one. A wrong current password is a 422 on current_password and counts like a failed sign-in.',
  security: [{ bearer: [] }, { cookie: [] }],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({
    current_password: Password,
    new_password: { ...NewPassword, examples: ['another horse, another battery'] },
  }),
  response: {
    200: saying('Password updated.'),
    ...writeErrors('unauthenticated', 'too_many_attempts'),
  },
}
