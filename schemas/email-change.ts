// Changing the address of an account: asking, proving the new one, and taking it back from the old one.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { Email, LinkTarget, Password, Shared, ShortCode, Token } from './primitives.ts'
import { accepted } from './recovery.ts'
import { User } from './users.ts'

const changed = (description: string) => ({
  description,
  content: {
    'application/json': {
      schema: Type.Object(
        { message: Type.String({ examples: [description] }), user: Shared(User) },
        { additionalProperties: false },
      ),
    },
  },
})

export const changeEmail = {
  operationId: 'changeEmail',
  tags: ['E-mail address'],
  summary: 'Ask to change the address',
  description:
    'A mail to the new address confirms; until then nothing changes. A taken address gets the same answer and no mail. A wrong current password counts like a failed sign-in.',
  security: [{ bearer: [] }, { cookie: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  body: Type.Object({
    new_email: Email,
    current_password: Type.Optional(Password),
    redirect_to: Type.Optional(LinkTarget),
  }),
  response: { 202: accepted('Accepted.'), ...writeErrors('unauthenticated', 'too_many_attempts') },
}

export const confirmEmailChange = {
  operationId: 'confirmEmailChange',
  tags: ['E-mail address'],
  summary: 'Prove the new address and make the change',
  description: 'The old address gets a mail with a link that takes the change back for 7 days.',
  security: [{}],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({
    token: Type.Optional(Token),
    email: Type.Optional(Email),
    code: Type.Optional(ShortCode),
  }),
  response: { 200: changed('E-mail address changed.'), ...writeErrors('too_many_attempts') },
}

export const undoEmailChange = {
  operationId: 'undoEmailChange',
  tags: ['E-mail address'],
  summary: 'Bring the old address back',
  description:
    'With the token of the mail to the old address. Ends every session and takes the password away, because somebody else knew it; a mail to choose a new one follows.',
  security: [{}],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({ token: Token }),
  response: { 200: changed('Your old e-mail address is back.'), ...writeErrors() },
}
