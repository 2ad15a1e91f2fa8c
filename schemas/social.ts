// Sign-in by a provider: with its token, or by a browser that is sent there and comes back.
import { Type } from '@sinclair/typebox'
import { readErrors, writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader, sessionHeaders, transportHeader } from './headers.ts'
import { LinkTarget, Secret, Shared } from './primitives.ts'
import { Session } from './sessions.ts'

export const ProviderName = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'A provider of the project’s policy.',
  examples: ['google'],
})

/** What a client got from a provider. */
export const providerTokens = {
  id_token: Type.Optional(
    Secret(
      Type.String({
        minLength: 1,
        maxLength: 16_384,
        description: 'Of an OpenID provider, for one of the client ids of the policy. Accepted once.',
        examples: ['eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'],
      }),
    ),
  ),
  access_token: Type.Optional(
    Secret(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: 'Of GitHub, which has no id_tokens; refused for every other provider.',
      }),
    ),
  ),
  nonce: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'The one that the provider was asked with; required where the token carries one, which may also be its SHA-256 in hexadecimal.',
    }),
  ),
}

const signedIn = (description: string) => ({
  description,
  headers: sessionHeaders,
  content: { 'application/json': { schema: Shared(Session) } },
})

export const socialLogin = {
  operationId: 'signInSocially',
  tags: ['Social sign-in'],
  summary: 'Sign in with the token of a provider',
  description:
    'Opens the account that the provider’s person has here, and makes it where there is none. A verified address of the provider links to the account that has proven the same address and tells its owner by mail; an account whose address nobody has proven is taken over from whoever began it; an unverified address links to nothing.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...transportHeader, ...projectSecretHeader }),
  body: Type.Object({ provider: ProviderName, ...providerTokens }),
  response: {
    200: signedIn('Signed in.'),
    ...writeErrors(
      'invalid_social_login',
      'email_verification_required',
      'account_disabled',
      'provider_unavailable',
    ),
  },
}

const found = (description: string) =>
  Type.Null({ description, headers: { Location: { type: 'string' }, 'Set-Cookie': { type: 'string' } } })

export const beginSocialLogin = {
  operationId: 'beginSocialLogin',
  tags: ['Social sign-in'],
  summary: 'Send a browser to a provider',
  description:
    'For a link or a redirect, not for fetch: the browser leaves for the provider with PKCE, a state and a nonce that only it can bring back, within ten minutes. It ends at `redirect_to` with `code` in its query, which the application exchanges by `POST /login/social/exchange`; with `session_transport=cookie` it ends there signed in by cookie. What goes wrong is told there as `error`: access_denied, invalid_social_login, account_disabled, email_verification_required, social_email_missing, provider_unavailable. Register `/api/auth/login/social/{provider}/callback` of this installation with the provider.',
  security: [{}],
  params: Type.Object({ provider: ProviderName }),
  querystring: Type.Object({
    redirect_to: {
      ...LinkTarget,
      description: 'Where the browser ends; on one of the `link_origins` of the project.',
    },
    project_id: Type.Optional(
      Type.String({ description: 'As the header project-id, which no link can send.' }),
    ),
    session_transport: Type.Optional(
      Type.Unsafe<'bearer' | 'cookie'>({
        type: 'string',
        enum: ['bearer', 'cookie'],
        description: 'bearer (the default): a code to exchange. cookie: a session of this browser.',
      }),
    ),
    code_challenge: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{43}$',
        description: 'S256 (RFC 7636) of a verifier that the exchange then must bring.',
      }),
    ),
  }),
  response: {
    302: found('To the provider.'),
    ...readErrors('validation_failed', 'provider_unavailable'),
  },
}

export const finishSocialLogin = {
  operationId: 'finishSocialLogin',
  tags: ['Social sign-in'],
  summary: 'Where a provider sends the browser back to',
  description:
    'Called by providers alone. A browser that did not begin here, with this provider and in this project, gets a page and nothing else.',
  security: [{}],
  params: Type.Object({ provider: ProviderName }),
  response: {
    302: found('To where the sign-in was asked to end.'),
    ...readErrors(),
    422: {
      description: 'A page that says that this sign-in cannot go on.',
      'x-codes': [],
      content: { 'text/html': { schema: Type.String() } },
    },
  },
}

export const exchangeSocialLogin = {
  operationId: 'exchangeSocialLogin',
  tags: ['Social sign-in'],
  summary: 'Exchange the code of a finished browser sign-in for tokens',
  description: 'Once, within a minute.',
  security: [{}],
  headers: Type.Object({ ...projectHeader, ...transportHeader }),
  body: Type.Object({
    code: Secret(
      Type.String({
        minLength: 1,
        maxLength: 255,
        examples: ['ssc_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
      }),
    ),
    code_verifier: Type.Optional(
      Secret(
        Type.String({
          pattern: '^[A-Za-z0-9._~-]{43,128}$',
          description: 'Where the sign-in began with a code_challenge.',
        }),
      ),
    ),
  }),
  response: { 200: signedIn('Signed in.'), ...writeErrors('invalid_social_login') },
}
