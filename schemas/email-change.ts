// Changing the address of an account: requesting it, proving the new address, and undoing it from the old address.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { closed, Email, LinkTarget, mailedProof, Password, Shared, Token } from './primitives.ts'
import { accepted } from './recovery.ts'
import { json } from './responses.ts'
import { byAnyone, bySession } from './security.ts'
import { User } from './users.ts'

const changed = (description: string) =>
  json(
    description,
    Type.Object({ message: Type.String({ examples: [description] }), user: Shared(User) }, closed),
  )

export const changeEmail = {
  operationId: 'changeEmail',
  tags: ['E-mail address'],
  summary: 'Request a change of address',
  description:
    'Sends a mail to the new address; nothing changes until its link or code confirms. A taken address gets the same answer and no mail. Needs the current password, or a password sign-in or a step-up within the time that the policy `reauthentication` sets. A wrong current password counts like a failed sign-in.',
  security: bySession,
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  body: Type.Object({
    new_email: Email,
    current_password: Type.Optional(Password),
    redirect_to: Type.Optional(LinkTarget),
  }),
  response: {
    202: accepted('Accepted.'),
    ...writeErrors('unauthenticated', 'step_up_required', 'too_many_attempts'),
  },
}

export const confirmEmailChange = {
  operationId: 'confirmEmailChange',
  tags: ['E-mail address'],
  summary: 'Prove the new address and make the change',
  description:
    'Takes the proof in a session of the account that asked, or the token of the link with its password. The old address gets a mail with a link that undoes the change within 7 days.',
  security: [{}, { bearer: [] }, { cookie: [] }],
  headers: Type.Object(projectHeader),
  body: Type.Object({ ...mailedProof, current_password: Type.Optional(Password) }),
  response: {
    200: changed('E-mail address changed.'),
    ...writeErrors('unauthenticated', 'too_many_attempts'),
  },
}

export const undoEmailChange = {
  operationId: 'undoEmailChange',
  tags: ['E-mail address'],
  summary: 'Restore the old address',
  description:
    'Takes the token of the mail to the old address. Ends every session and removes the password, because another person may know it; a mail to choose a new password follows.',
  security: byAnyone,
  headers: Type.Object(projectHeader),
  body: Type.Object({ token: Token }),
  response: { 200: changed('Your old e-mail address is back.'), ...writeErrors() },
}
