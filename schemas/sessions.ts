// Sessions: sign-in and its answer, refresh, signing out, and the list of sessions.
import { Type } from '@sinclair/typebox'
import { actionErrors, readErrors, writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader, sessionHeaders, transportHeader } from './headers.ts'
import {
  closed,
  DeviceToken,
  Email,
  Id,
  Instant,
  Nullable,
  optionalBody,
  Password,
  PathId,
  Secret,
  Shared,
} from './primitives.ts'
import { json, listOf } from './responses.ts'
import { bySession, bySessionOrKey } from './security.ts'
import { User } from './users.ts'

/** The tokens of a session and their times; in cookie mode the times alone. */
export const sessionFields = {
  access_token: Type.Optional(
    Secret(
      Type.String({
        description: 'JWT (RFC 9068), signed by the algorithm of the project. Absent in cookie mode.',
      }),
    ),
  ),
  token_type: Type.Optional(Type.Literal('Bearer')),
  expires_at: Instant,
  expires_in: Type.Integer({ description: 'Seconds until expires_at, for clients whose clock is wrong.' }),
  refresh_token: Type.Optional(
    Secret(Type.String({ minLength: 40, description: 'Replaced by every refresh. Absent in cookie mode.' })),
  ),
  refresh_token_expires_at: Instant,
  user: Shared(User),
}

export const Session = Type.Object(sessionFields, { $id: 'Session', ...closed })

export const Message = Type.Object({ message: Type.String() }, { $id: 'Message', ...closed })

/** A 200 with one sentence. */
export function messageResponse(message: string) {
  return {
    description: message,
    content: {
      'application/json': { schema: Shared(Message), examples: { done: { value: { message } } } },
    },
  }
}

/** A session that was opened or continued: its tokens in the body or in cookies. */
export const sessionResponse = (description: string) => json(description, Shared(Session), sessionHeaders)

export const login = {
  operationId: 'signIn',
  tags: ['Sign-up and sign-in'],
  summary: 'Sign in with e-mail address and password',
  description:
    'Failed attempts are counted for the account and the client address together; after too many, the answer is 429 with the time to wait. Where a second factor is due, the answer is 403 `second_factor_required` with a `challenge` for `POST /login/second-factor`, and nothing is opened yet.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...transportHeader, ...projectSecretHeader }),
  body: Type.Object({ email: Email, password: Password, device_token: Type.Optional(DeviceToken) }),
  response: {
    200: sessionResponse('Signed in.'),
    ...writeErrors(
      'invalid_credentials',
      'email_verification_required',
      'second_factor_required',
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
    'Takes the refresh token from the body, or from the cookie when the body has none, and answers in the same way. Repeating the last refresh within the grace period returns the same refresh token again, so concurrent tabs and retries succeed. Reusing an older token ends the session.',
  security: [{}, { refreshCookie: [] }],
  ...optionalBody,
  headers: Type.Object(projectHeader),
  body: Type.Object(
    {
      refresh_token: Type.Optional(
        Secret(
          Type.String({
            minLength: 40,
            maxLength: 1024,
            description: 'Absent where the cookie is used.',
            examples: ['srt_ZKkZ7n2xT0uVnBq0VJ8m2wAAAAF0cGq3o5l9qv1m3mXK6kHc8mVQbYhYb1u7gkE2pVZxEQ'],
          }),
        ),
      ),
    },
    // An empty body is a request that can be sent from the documentation: the cookie is used.
    { examples: [{}] },
  ),
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
    'Its access token is refused from now on. In cookie mode an expired access cookie is accepted.',
  security: [{ bearer: [] }, { cookie: [] }, { refreshCookie: [] }],
  headers: Type.Object(projectHeader),
  response: {
    200: messageResponse('Logged out.'),
    ...actionErrors('unauthenticated'),
  },
}

export const logoutAll = {
  operationId: 'signOutAll',
  tags: ['Session'],
  summary: 'End every session of the user in this project',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: messageResponse('Logged out from all sessions.'),
    ...actionErrors('unauthenticated'),
  },
}

export const Device = Type.Object(
  {
    browser: Nullable(Type.String(), { examples: ['Firefox'] }),
    os: Nullable(Type.String(), { examples: ['Linux'] }),
    kind: Type.Union(
      [
        Type.Literal('desktop'),
        Type.Literal('mobile'),
        Type.Literal('tablet'),
        Type.Literal('bot'),
        Type.Literal('other'),
      ],
      { examples: ['desktop'] },
    ),
  },
  {
    $id: 'Device',
    ...closed,
    description: 'Read from the User-Agent, for display only.',
  },
)

export const SessionEntry = Type.Object(
  {
    id: Id,
    current: Type.Boolean({ description: 'Whether this is the session of the request.' }),
    created_at: Instant,
    last_seen_at: Type.String({ format: 'date-time', description: 'Updated at most once in five minutes.' }),
    expires_at: Instant,
    device: Shared(Device),
    address_prefix: Nullable(Type.String(), {
      description: 'The network of the sign-in: IPv4 /24 or IPv6 /48.',
      examples: ['203.0.113.0/24'],
    }),
    auth_time: Type.String({
      format: 'date-time',
      description: 'When the user was authenticated last in it.',
    }),
    acr: Type.String({ description: '2: with a second factor; else 1.', examples: ['1'] }),
    amr: Type.Array(Type.String(), { description: 'How (RFC 8176).', examples: [['pwd']] }),
  },
  { $id: 'SessionEntry', ...closed },
)

export const listSessions = {
  operationId: 'listSessions',
  tags: ['Devices'],
  summary: 'List the active sessions of the user, the last used first',
  security: bySessionOrKey,
  headers: Type.Object(projectHeader),
  response: {
    200: listOf('The sessions, without tokens, because tokens are not stored.', Shared(SessionEntry)),
    ...readErrors('unauthenticated', 'insufficient_scope'),
  },
}

export const revokeSession = {
  operationId: 'revokeSession',
  tags: ['Devices'],
  summary: 'End one session of the user',
  description:
    'Its access token is refused from the next request on. An id that is not an active session of the user is a 404.',
  security: bySession,
  headers: Type.Object(projectHeader),
  params: Type.Object({
    id: PathId('The id of the session.'),
  }),
  response: {
    204: Type.Null({ description: 'The session has ended.' }),
    ...actionErrors('unauthenticated', 'not_found'),
  },
}

export const revokeOtherSessions = {
  operationId: 'revokeOtherSessions',
  tags: ['Devices'],
  summary: 'End every session of the user but this one',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: json(
      'All other sessions have ended.',
      Type.Object(
        {
          message: Type.String({ examples: ['All other sessions have ended.'] }),
          revoked: Type.Integer({ minimum: 0, examples: [2] }),
        },
        closed,
      ),
    ),
    ...actionErrors('unauthenticated'),
  },
}
