// Nora's documented requests and answers, in its own spelling.
import { Type } from '@sinclair/typebox'
import { maxEmailLength } from '../../src/formats.ts'
import { closed, Nullable, Secret } from '../primitives.ts'
import { json } from '../responses.ts'
import { byAnyone } from '../security.ts'
import { type Messages, refusalResponses } from './refusals.ts'

export const NoraError = Type.Object(
  { error: Type.String({ examples: ['Invalid email or password'] }) },
  { $id: 'NoraError', ...closed },
)

const refusals = (sentences: Messages) =>
  refusalResponses(sentences, {
    common: {
      400: ['Malformed request'],
      500: ['Internal server error'],
      503: ['Service unavailable, please try again later'],
    },
    error: NoraError,
    body: (_status, error) => ({ error }),
  })

const tooMany = { 429: ['Too many attempts, please try again later'] }
const tooManyReads = { 429: ['Too many requests, please try again later'] }
const withBody = { 413: ['Request body too large'], 415: ['Content type must be application/json'] }
const unauthorized = { 401: ['Bearer token required', 'Invalid or expired token'] }
const gone = { 404: ['User not found'] }
const badPassword = [
  'Password must be at least 8 characters',
  'Password too long',
  'Password is too common',
  'Password must not be the email address or a name',
  'Password is known from a data breach',
]
const bearer = [{ bearer: [] }]
const user = { id: Type.String({ format: 'uuid', examples: ['d4e5f6a7-b8c9-4d01-a234-56789bcdef01'] }) }
const email = Type.String({ examples: ['you@example.com'] })
/** Texts with anything in them but blanks. */
const notBlank = '\\S'
const password = Secret(Type.String({ pattern: notBlank, examples: ['securepassword'] }))
const token = json(
  'The token, valid for 7 days.',
  Type.Object(
    { token: Secret(Type.String({ examples: ['eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9…'] })) },
    closed,
  ),
)
const newPassword = Secret(
  Type.String({ pattern: notBlank, minLength: 8, maxLength: 128, examples: ['newpass123'] }),
)
const name = Nullable(Type.String({ examples: ['Alex Smith'] }))
const avatar = Nullable(Type.String({ description: 'A data URI: data:image/…;base64,…' }), {
  examples: [null],
})

export const signUp = {
  operationId: 'signUp',
  tags: ['Auth'],
  summary: 'Create a new user account',
  security: byAnyone,
  body: Type.Object({
    email: Type.String({
      pattern: notBlank,
      format: 'email',
      maxLength: maxEmailLength,
      examples: ['you@example.com'],
    }),
    password: { ...newPassword, examples: ['securepassword'] },
  }),
  response: {
    200: json('The new user.', Type.Object({ ...user, email }, closed)),
    ...refusals({
      400: [
        'Email is required',
        'Invalid email format',
        'Email too long',
        'Password is required',
        ...badPassword,
      ],
      409: ['Account already exists for this email'],
      ...withBody,
      ...tooMany,
    }),
  },
}

export const login = {
  operationId: 'login',
  tags: ['Auth'],
  summary: 'Exchange email and password for a JWT',
  security: byAnyone,
  body: Type.Object({ email: { ...email, pattern: notBlank }, password }),
  response: {
    200: token,
    ...refusals({
      400: ['Email and password required'],
      401: ['Invalid email or password', 'Please verify your email', 'Account disabled'],
      ...withBody,
      ...tooMany,
    }),
  },
}

export const oauthLogin = {
  operationId: 'oauthLogin',
  tags: ['Auth'],
  summary: 'Exchange the token of an OAuth provider for a JWT',
  description:
    'Takes one of two tokens: an id_token of an OpenID provider, or an access token of GitHub. The first sign-in creates an account.',
  security: byAnyone,
  body: Type.Object(
    {
      provider: Type.String({ minLength: 1, maxLength: 64, examples: ['google'] }),
      oauthIdToken: Type.Optional(Secret(Type.String({ minLength: 1, maxLength: 16_384 }))),
      oauthAccessToken: Type.Optional(Secret(Type.String({ minLength: 1, maxLength: 4096 }))),
      nonce: Type.Optional(
        Type.String({ maxLength: 255, description: 'The nonce of the request to the provider, if any.' }),
      ),
    },
    { examples: [{ provider: 'google', oauthIdToken: 'eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ…' }] },
  ),
  response: {
    200: token,
    ...refusals({
      400: ['Provider and token required', 'Unknown provider', 'The provider shares no email address'],
      401: ['Invalid OAuth token', 'Please verify your email', 'Account disabled'],
      ...withBody,
      ...tooManyReads,
    }),
  },
}

export const me = {
  operationId: 'getCurrentUser',
  tags: ['User'],
  summary: 'Get the current user',
  security: bearer,
  response: {
    200: json(
      'The authenticated user.',
      Type.Object(
        {
          ...user,
          email,
          name,
          role: Type.String({ examples: ['user'] }),
          provider: Nullable(Type.String(), { examples: [null] }),
          avatar,
          created_at: Type.String({ format: 'date-time', examples: ['2025-01-15T10:30:00.000Z'] }),
        },
        closed,
      ),
    ),
    ...refusals({ ...unauthorized, ...gone, ...tooManyReads }),
  },
}

export const updateProfile = {
  operationId: 'updateProfile',
  tags: ['User'],
  summary: 'Update the display name, the avatar, or both',
  security: bearer,
  body: Type.Object(
    {
      name: Type.Optional(
        Type.String({
          pattern: '^\\s*\\S(?:[\\s\\S]{0,98}\\S)?\\s*$',
          description: '1 to 100 characters after trimming.',
          examples: ['Alex Smith'],
        }),
      ),
      avatar: Type.Optional(
        Nullable(
          Type.String({ description: 'A data URI of at most 500 000 characters; null removes the avatar.' }),
        ),
      ),
    },
    { examples: [{ name: 'Alex Smith' }] },
  ),
  response: {
    200: json('The name and the avatar after the change.', Type.Object({ name, avatar }, closed)),
    ...refusals({
      400: [
        'No fields to update',
        'Name must be 1-100 characters',
        'Invalid avatar format',
        'Image too large. Max 500KB.',
      ],
      ...unauthorized,
      ...withBody,
      ...tooManyReads,
    }),
  },
}

export const changePassword = {
  operationId: 'changePassword',
  tags: ['User'],
  summary: 'Replace the current password',
  security: bearer,
  body: Type.Object({ currentPassword: password, newPassword }),
  response: {
    200: json('Updated.', Type.Object({ success: Type.Literal(true) }, closed)),
    ...refusals({
      400: ['Both passwords required', ...badPassword, 'OAuth user — no password to change'],
      401: [...unauthorized[401], 'Current password is incorrect'],
      ...gone,
      ...withBody,
      429: [...tooMany[429], ...tooManyReads[429]],
    }),
  },
}
