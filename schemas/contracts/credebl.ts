// CREDEBL's documented requests and answers, in its own spelling.
import { type TSchema, Type } from '@sinclair/typebox'
import { closed, Nullable, optionalBody, Secret } from '../primitives.ts'
import { json } from '../responses.ts'
import { byAnyone } from '../security.ts'
import { type Messages, reasonPhrases, refusalResponses } from './refusals.ts'

export const CredeblError = Type.Object(
  {
    statusCode: Type.Integer({ examples: [401] }),
    message: Type.Union([Type.String(), Type.Array(Type.String())], {
      description: 'A list of sentences where fields need another value, one sentence otherwise.',
      examples: ['Unauthorized'],
    }),
    error: Type.String({ description: 'The reason phrase of the status.', examples: ['Unauthorized'] }),
  },
  { $id: 'CredeblError', ...closed },
)

const refusals = (sentences: Messages) =>
  refusalResponses(sentences, {
    common: {
      400: ['Malformed request'],
      429: ['Too many requests, please try again later'],
      500: ['Something went wrong!'],
      503: ['Service unavailable, please try again later'],
    },
    error: CredeblError,
    body: (statusCode, message) => ({ statusCode, message, error: reasonPhrases[statusCode] }),
  })

function success(message: string, data?: TSchema, statusCode = 200) {
  const schema = Type.Object(
    { statusCode: Type.Literal(statusCode), message: Type.Literal(message), ...(data && { data }) },
    closed,
  )
  return { [statusCode]: json(message, schema) }
}

/** The success message of each route. */
export const messages = {
  signIn: 'User login successfully',
  refresh: 'Token details fetched successfully',
  signOut: 'User logout successfully',
  forgotPassword: 'Reset password link has been sent to your mail',
  passwordReset: 'Password reset successfully',
  sessions: 'User Sessions fetched Successfully',
  deleteSession: 'Session deleted successfully',
  sessionDetails: 'Session details fetched successfully',
  profile: 'User fetched successfully',
  verify: 'Email verified successfully',
  verificationMail: 'Verification link has been successfully sent on the email. Please verify',
  signUp: 'User registered successfully',
  clientAliases: 'Client aliases fetched successfully',
} as const

const bearer = [{ bearer: [] }]
const withBody: Messages = {
  413: ['Request body too large'],
  415: ['Content type must be application/json'],
}
/** The answer for a path with a parameter that is too long. */
const longPath: Messages = { 404: ['Not Found'] }
const unauthorized: Messages = { 401: ['Unauthorized'] }
const badEmail = ['Email should be a string', 'Email is required', 'Please provide a valid email']
const tooShort = (field: string) => [`${field} must be at least 8 characters`]
const tooMany = 'Too many attempts, please try again later'
const ownerRefusals = ['Invalid Credentials', 'Please verify your email', 'Account disabled']

/** A string with at least one visible character. */
const notBlank = { pattern: '\\S' }
const address = { format: 'email', maxLength: 255, ...notBlank, examples: ['awqx@getnada.com'] }
const email = Type.String({ ...address, description: 'Trimmed, compared without regard to case.' })
const password = Secret(Type.String({ ...notBlank, maxLength: 1024, examples: ['Password@1'] }))
const newPassword = Secret(
  Type.String({ ...notBlank, minLength: 8, maxLength: 255, examples: ['Password@2'] }),
)
const text = (example: string, description: string) =>
  Type.Optional(Nullable(Type.String({ examples: [example], description })))
const id = Type.String({ format: 'uuid', examples: ['d4e5f6a7-b8c9-4d01-a234-56789bcdef01'] })
const instant = Type.String({ format: 'date-time', examples: ['2026-11-20T12:00:00.000Z'] })
const account = Type.Object({ id, email: Type.String({ examples: ['awqx@getnada.com'] }) }, closed)

const brandLogoUrl = Type.Optional(
  Nullable(
    Type.String({
      // A host with a top-level domain, no userinfo, and no character that parsers read differently.
      pattern:
        '^\\s*[Hh][Tt][Tt][Pp][Ss]?://(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})(?::[0-9]{1,5})?(?:[/?#][^\\s\\\\<>"]*)?\\s*$',
      maxLength: 2048,
      description: 'A logo for the mail, with protocol and TLD; its origin must be one of `link_origins`.',
      examples: ['https://example.com/logo.png'],
    }),
  ),
)
const frontEnd = {
  brandLogoUrl,
  platformName: text('MyPlatform', 'The name of the platform in the mail.'),
  clientAlias: text('VERIFIER', 'The alias of the calling front end; one of `GET /clientAliases`.'),
}
const badLogo = [['brandLogoUrl should be a valid URL'], 'brandLogoUrl is not an allowed origin']

const tokenData = {
  access_token: Secret(Type.String({ examples: ['eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9…'] })),
  expires_in: Type.Integer({ description: 'Seconds.', examples: [900] }),
  refresh_token: Secret(Type.String({ examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6InJ0K2p3dCJ9…'] })),
  refresh_expires_in: Type.Integer({ description: 'Seconds.', examples: [2_592_000] }),
  token_type: Type.Literal('Bearer'),
  scope: Type.Literal('email profile'),
  session_state: { ...id, description: 'The id of the session.' },
}

const sessionEntry = {
  id,
  userId: id,
  expiresAt: instant,
  createdAt: instant,
  clientInfo: Type.String({
    description:
      'JSON of `{ browser, os, deviceType, rawDetail, ip }`; `ip` has only a prefix of the address.',
    examples: [
      '{"browser":"Firefox","os":"Linux","deviceType":"desktop","rawDetail":"…","ip":"192.0.2.0/24"}',
    ],
  }),
  sessionType: Type.Literal('user-session'),
}

export const signIn = {
  operationId: 'signIn',
  tags: ['Auth'],
  summary: 'Authenticate a registered user',
  security: byAnyone,
  body: Type.Object({ email, password }),
  response: {
    ...success(
      messages.signIn,
      Type.Object({ ...tokenData, isRegisteredToSupabase: Type.Literal(false), sessionId: id }, closed),
    ),
    ...refusals({
      400: [[...badEmail, 'Password is required.'], ['Password is too long']],
      401: ownerRefusals,
      429: [tooMany],
      ...withBody,
    }),
  },
}

export const refreshToken = {
  operationId: 'refreshToken',
  tags: ['Auth'],
  summary: 'Get new tokens for a refresh token',
  security: byAnyone,
  body: Type.Object({ refreshToken: Secret(Type.String({ ...notBlank, examples: ['eyJhbGciOi…'] })) }),
  response: {
    ...success(messages.refresh, Type.Object(tokenData, closed)),
    ...refusals({
      400: [['refreshToken is required.']],
      401: ['Refresh token has expired', 'Please verify your email'],
      ...withBody,
    }),
  },
}

export const signOut = {
  operationId: 'signOut',
  tags: ['Auth'],
  summary: 'End the current session, or those that are listed',
  security: bearer,
  ...optionalBody,
  body: Type.Object({
    sessions: Type.Optional(
      Type.Array(Type.String({ ...notBlank, examples: id.examples }), {
        maxItems: 1000,
        description: 'Ids to end. Absent or empty: the current session.',
      }),
    ),
  }),
  response: {
    ...success(messages.signOut),
    ...refusals({
      400: [
        ['sessions must be an array'],
        ['session Id must not be empty', 'each session Id must be a string'],
        ['sessions must contain no more than 1000 elements'],
      ],
      ...unauthorized,
      ...withBody,
    }),
  },
}

export const forgotPassword = {
  operationId: 'forgotPassword',
  tags: ['Password'],
  summary: 'Send a link to reset the password',
  description: 'The same answer whether or not the address has an account.',
  security: byAnyone,
  body: Type.Object({
    email,
    ...frontEnd,
    endpoint: text('https://app.example.com', 'The base of the link, on one of `link_origins`.'),
  }),
  response: {
    ...success(messages.forgotPassword, account),
    ...refusals({
      400: [badEmail, ...badLogo, 'endpoint is not an allowed origin'],
      ...withBody,
    }),
  },
}

export const passwordReset = {
  operationId: 'resetPasswordByToken',
  tags: ['Password'],
  summary: 'Set a new password with the token of the mail',
  security: byAnyone,
  params: Type.Object({ email }),
  body: Type.Object({
    password: newPassword,
    token: Secret(Type.String({ ...notBlank, examples: ['svt_Q2hIYlZ0cGx1c2VkLW9uY2U'] })),
  }),
  response: {
    ...success(messages.passwordReset, account),
    ...refusals({
      400: [
        'Invalid or expired reset password link',
        ['password is required.', 'token is required.'],
        tooShort('password'),
        ['Please provide a valid email'],
      ],
      ...longPath,
      ...withBody,
    }),
  },
}

export const resetPassword = {
  operationId: 'resetPassword',
  tags: ['Password'],
  summary: 'Set a new password with the current one',
  description: 'A bearer token is optional; one that is sent must be valid and belong to `email`.',
  security: [{}, ...bearer],
  body: Type.Object({ email, oldPassword: password, newPassword }),
  response: {
    ...success(messages.passwordReset, account),
    ...refusals({
      400: [
        'New password should not be the current password',
        [...badEmail, 'oldPassword is required.', 'newPassword is required.'],
        tooShort('newPassword'),
      ],
      401: [...ownerRefusals, 'Unauthorized'],
      403: ['You are not allowed to reset the password of another user'],
      429: [tooMany],
      ...withBody,
    }),
  },
}

export const sessionDetails = {
  operationId: 'getSessionDetails',
  tags: ['Sessions'],
  summary: 'The tokens of a session',
  description:
    'For the platform’s front end, which encrypts the id of a session with the key that it shares with this server. With a bearer token alone: its session, without a refresh token.',
  security: [{}, ...bearer],
  querystring: Type.Object({
    sessionId: Type.Optional(
      Secret(Type.String({ maxLength: 1024, description: 'The encrypted id of a session.' })),
    ),
  }),
  response: {
    ...success(
      messages.sessionDetails,
      Type.Object(
        {
          id,
          userId: id,
          sessionToken: tokenData.access_token,
          refreshToken: Type.Optional(tokenData.refresh_token),
          expiresAt: instant,
          sessionType: Type.Literal('user-session'),
        },
        closed,
      ),
    ),
    ...refusals({
      400: [['sessionId must not be encrypted: this server has no key for it.']],
      ...unauthorized,
    }),
  },
}

const nullableName = Nullable(Type.String(), { examples: ['Alen'] })

export const profile = {
  operationId: 'getUserProfile',
  tags: ['Auth'],
  summary: 'The signed-in user',
  security: bearer,
  response: {
    ...success(
      messages.profile,
      Type.Object(
        {
          id,
          email: Type.String({ examples: ['awqx@getnada.com'] }),
          username: Type.String({ examples: ['awqx@getnada.com'] }),
          firstName: nullableName,
          lastName: nullableName,
          profileImg: Nullable(Type.String()),
          publicProfile: Type.Boolean(),
          isEmailVerified: Type.Boolean(),
          userOrgRoles: Type.Array(Type.Object({}), { maxItems: 0 }),
        },
        closed,
      ),
    ),
    ...refusals(unauthorized),
  },
}

export const listSessions = {
  operationId: 'getUserSessions',
  tags: ['Sessions'],
  summary: 'All active sessions of the user',
  security: bearer,
  params: Type.Object({ id: Type.String({ description: 'UUID of the signed-in user.' }) }),
  response: {
    ...success(messages.sessions, Type.Array(Type.Object(sessionEntry, closed))),
    ...refusals({
      400: ['Invalid user ID'],
      403: ['You are not allowed to access sessions of another user'],
      ...longPath,
      ...unauthorized,
    }),
  },
}

export const deleteSession = {
  operationId: 'deleteSession',
  tags: ['Sessions'],
  summary: 'End one session of the user',
  security: bearer,
  params: Type.Object({ id: Type.String({ description: 'UUID of the session.' }) }),
  response: {
    ...success(messages.deleteSession),
    ...refusals({
      400: ['Invalid session ID'],
      403: ['You are not allowed to access sessions of another user'],
      404: ['Session not found for userId: d4e5f6a7-b8c9-4d01-a234-56789bcdef01'],
      ...unauthorized,
      ...withBody,
    }),
  },
}

export const verificationMail = {
  operationId: 'sendVerificationMail',
  tags: ['Registration'],
  summary: 'Send a mail to verify the address',
  description: 'The same answer whether or not the address has an account.',
  security: byAnyone,
  querystring: Type.Object({ clientAlias: Type.Optional(Type.String({ examples: ['VERIFIER'] })) }),
  body: Type.Object({ email, ...frontEnd }),
  response: {
    ...success(messages.verificationMail, undefined, 201),
    ...refusals({
      400: [badEmail, ...badLogo, 'clientAlias is not an allowed origin'],
      ...withBody,
    }),
  },
}

export const verify = {
  operationId: 'verifyEmail',
  tags: ['Registration'],
  summary: 'Open the link of the mail',
  description:
    'Tells a client whether the code is good. Redirects a browser, which asks for HTML, to a page with a button. Neither confirms anything, because mail scanners open links.',
  security: byAnyone,
  querystring: Type.Object({
    email: Type.String(address),
    verificationCode: Secret(
      Type.String({ ...notBlank, maxLength: 1024, examples: ['svt_Q2hIYlZ0cGx1c2VkLW9uY2U'] }),
    ),
  }),
  response: {
    ...success(messages.verify),
    302: { description: 'To the page.', type: 'null', headers: { Location: { type: 'string' } } },
    ...refusals({
      400: ['Invalid verification code or EmailId!', [...badEmail, 'Verification code is required.']],
    }),
  },
}

const badName = (which: string) => [`${which} name should be a string`, `${which} name is required`]
const nameOf = (example: string) => Type.String({ ...notBlank, maxLength: 255, examples: [example] })

export const signUp = {
  operationId: 'signUp',
  tags: ['Registration'],
  summary: 'Register with an address that was verified',
  description:
    'Takes the code of the mail, or works for ten minutes for the client that confirmed the address on our page.',
  security: byAnyone,
  body: Type.Object({
    email,
    firstName: nameOf('Alen'),
    lastName: nameOf('Harvey'),
    password: newPassword,
    verificationCode: Type.Optional(Nullable(Secret(Type.String({ maxLength: 255 })))),
  }),
  response: {
    ...success(messages.signUp, Type.Object({ userId: id }, closed), 201),
    ...refusals({
      400: [
        'Please verify your email',
        [...badEmail, ...badName('First'), ...badName('Last'), 'Password is required.'],
        tooShort('Password'),
      ],
      409: ['User already exists'],
      ...withBody,
    }),
  },
}

const client = Type.Object(
  { clientAlias: Type.String({ examples: ['VERIFIER'] }), clientUrl: Type.String() },
  closed,
)

export const clientAliases = {
  operationId: 'getClientAliases',
  tags: ['Registration'],
  summary: 'List the front ends to which mail may link',
  security: byAnyone,
  response: {
    ...success(messages.clientAliases, Type.Array(client)),
    ...refusals({}),
  },
}
