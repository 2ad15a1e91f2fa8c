// Sessions on the wire: what a sign-in answers, refresh, and both ways of signing out.
import { Type } from '@sinclair/typebox'
import { actionErrors, writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader, sessionHeaders, transportHeader } from './headers.ts'
import { Email, Instant, Password, Secret, Shared } from './primitives.ts'
import { User } from './users.ts'

export const Session = Type.Object(
  {
    access_token: Type.Optional(
      Secret(Type.String({ description: 'JWT (RFC 9068), EdDSA. Absent in cookie mode.' })),
    ),
    token_type: Type.Optional(Type.Literal('Bearer')),
    expires_at: Instant,
    expires_in: Type.Integer({ description: 'Seconds until expires_at, for clients whose clock is wrong.' }),
    refresh_token: Type.Optional(
      Secret(
        Type.String({ minLength: 40, description: 'Replaced by every refresh. Absent in cookie mode.' }),
      ),
    ),
    refresh_token_expires_at: Instant,
    user: Shared(User),
  },
  { $id: 'Session', additionalProperties: false },
)

export const Message = Type.Object(
  { message: Type.String() },
  { $id: 'Message', additionalProperties: false },
)

/** A 200 that only says one sentence. */
export function saying(message: string) {
  return {
    description: message,
    content: {
      'application/json': { schema: Shared(Message), examples: { done: { value: { message } } } },
    },
  }
}

const sessionResponse = (description: string) => ({
  description,
  headers: sessionHeaders,
  content: { 'application/json': { schema: Shared(Session) } },
})

export const login = {
  operationId: 'signIn',
  tags: ['Sign-up and sign-in'],
  summary: 'Sign in with e-mail address and password',
  description:
    'Failed attempts are counted for the account and the address together; after too many, 429 says how long to wait.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...transportHeader, ...projectSecretHeader }),
  body: Type.Object({ email: Email, password: Password }),
  response: {
    200: sessionResponse('Signed in.'),
    ...writeErrors(
      'invalid_credentials',
      'email_verification_required',
      'account_disabled',
      'too_many_attempts',
    ),
  },
}

export const refresh = {
  operationId: 'refreshSession',
  tags: ['Session'],
  summary: 'Exchange the refresh token for new tokens',
  description:
    'Takes the refresh token from the body, or from the cookie when the body has none; answers the same way. Repeating the last refresh within the grace gives the same refresh token again, so tabs and retries converge. Reusing an older one ends the session.',
  security: [{}, { refreshCookie: [] }],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({
    refresh_token: Type.Optional(
      Secret(
        Type.String({
          minLength: 40,
          maxLength: 1024,
          description: 'Left out where the cookie is used.',
        }),
      ),
    ),
  }),
  response: {
    200: sessionResponse('New tokens.'),
    ...writeErrors('invalid_refresh_token', 'email_verification_required'),
  },
}

export const logout = {
  operationId: 'signOut',
  tags: ['Session'],
  summary: 'End this session',
  description:
    'Its access token is refused from now on. In cookie mode an expired access cookie does not matter.',
  security: [{ bearer: [] }, { cookie: [] }, { refreshCookie: [] }],
  headers: Type.Object({ ...projectHeader }),
  response: {
    200: saying('Logged out.'),
    ...actionErrors('unauthenticated'),
  },
}

export const logoutAll = {
  operationId: 'signOutAll',
  tags: ['Session'],
  summary: 'End every session of the user in this project',
  security: [{ bearer: [] }, { cookie: [] }],
  headers: Type.Object({ ...projectHeader }),
  response: {
    200: saying('Logged out from all sessions.'),
    ...actionErrors('unauthenticated'),
  },
}
