// Sign-in through a provider: with its token, or by redirect in a browser.
import { Type } from '@sinclair/typebox'
import { errorResponses, readErrors, writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader, transportHeader } from './headers.ts'
import { DeviceToken, LinkTarget, OneOf, Secret } from './primitives.ts'
import { byAnyone } from './security.ts'
import { sessionResponse } from './sessions.ts'

export const ProviderName = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'A provider of the project’s policy.',
  examples: ['google'],
})

/** The provider's token, as a client sends it. */
export const providerTokens = {
  id_token: Type.Optional(
    Secret(
      Type.String({
        minLength: 1,
        maxLength: 16_384,
        description: 'From an OpenID provider, for one of the client ids in the policy. Accepted once.',
        examples: ['eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'],
      }),
    ),
  ),
  access_token: Type.Optional(
    Secret(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: 'From GitHub, which has no id_tokens; refused for every other provider.',
      }),
    ),
  ),
  nonce: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'The nonce of the request to the provider, where the application gave one. The token may have its SHA-256 in hexadecimal instead. Required where the token has one, except from Google, whose SDK for iOS adds its own: such a token is accepted within five minutes of its issue.',
    }),
  ),
}

export const socialLogin = {
  operationId: 'signInSocially',
  tags: ['Social sign-in'],
  summary: 'Sign in with the token of a provider',
  description:
    'Signs in to the account that is linked to the identity, and creates an account where there is none. An address that the provider has verified links the identity to the account with the same verified address, whose owner is notified by mail. An account whose address was never verified passes to the person with the verified address. An unverified address links to nothing.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...transportHeader, ...projectSecretHeader }),
  body: Type.Object({
    provider: ProviderName,
    ...providerTokens,
    device_token: Type.Optional(DeviceToken),
  }),
  response: {
    200: sessionResponse('Signed in.'),
    ...writeErrors(
      'invalid_social_login',
      'email_verification_required',
      'second_factor_required',
      'account_disabled',
      'sign_up_closed',
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
    'For a link or a redirect, not for fetch. The browser goes to the provider with PKCE, a state and a nonce, and must return in the same browser within ten minutes. It arrives at `redirect_to` with a `code` in the query, which the application exchanges with `POST /login/social/exchange` and the verifier of its `code_challenge`; with `session_transport=cookie` it arrives signed in by cookie. A failure arrives there as `error`: access_denied, invalid_social_login, account_disabled, email_verification_required, social_email_missing, provider_unavailable; second_factor_required has `challenge`, `factors` (separated by spaces) and where a passkey is among them `passkey_options` (JSON) in the fragment. Register `/api/auth/login/social/{provider}/callback` of this installation with the provider.',
  security: byAnyone,
  params: Type.Object({ provider: ProviderName }),
  querystring: Type.Object({
    redirect_to: {
      ...LinkTarget,
      description: 'The final target of the browser: one of the `redirect_urls` of the policy, exactly.',
    },
    project_id: Type.Optional(
      Type.String({ description: 'Like the header project-id, which a link cannot send.' }),
    ),
    session_transport: Type.Optional(
      OneOf(['bearer', 'cookie'], {
        description: 'bearer (the default): a code to exchange. cookie: a session of this browser.',
      }),
    ),
    code_challenge: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{43}$',
        description:
          'S256 (RFC 7636) of the verifier that the exchange must send. Required unless the flow ends with a cookie.',
      }),
    ),
    code_challenge_method: Type.Optional(OneOf(['S256'], { description: 'The only method.' })),
  }),
  response: {
    302: found('To the provider.'),
    ...readErrors('validation_failed', 'provider_unavailable'),
  },
}

export const finishSocialLogin = {
  operationId: 'finishSocialLogin',
  tags: ['Social sign-in'],
  summary: 'Receive the browser from a provider',
  description:
    'Only for redirects from providers. A browser that did not begin the sign-in here, with this provider and in this project, gets an error page; one that is signed in by cookie and loads this address again goes on to `redirect_to`.',
  security: byAnyone,
  // Without bounds: for an invalid name, too, the browser gets a page.
  params: Type.Object({ provider: Type.String({ examples: ['google'] }) }),
  response: {
    200: {
      description:
        'A page that asks for the second factor, where the sign-in began on a page of the service.',
      content: { 'text/html': { schema: Type.String() } },
    },
    302: found('To the `redirect_to` of the sign-in.'),
    ...errorResponses('malformed_request', 'rate_limited', 'service_unavailable'),
    422: {
      description: 'A page that says that this sign-in cannot be continued.',
      'x-codes': [],
      content: { 'text/html': { schema: Type.String() } },
    },
  },
}

export const exchangeSocialLogin = {
  operationId: 'exchangeSocialLogin',
  tags: ['Social sign-in'],
  summary: 'Exchange the code of a finished browser sign-in for tokens',
  description:
    'A code works once, within a minute, with the verifier of the sign-in. One that comes back ends the session that it opened. It opens nothing by itself: where a second factor is due, the answer is 403 `second_factor_required`.',
  security: byAnyone,
  headers: Type.Object({ ...projectHeader, ...transportHeader }),
  body: Type.Object({
    code: Secret(
      Type.String({
        minLength: 1,
        maxLength: 255,
        examples: ['ssc_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
      }),
    ),
    code_verifier: Secret(
      Type.String({
        pattern: '^[A-Za-z0-9._~-]{43,128}$',
        description: 'Of the code_challenge with which the sign-in began (RFC 7636 §4.1).',
        examples: ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'],
      }),
    ),
    device_token: Type.Optional(DeviceToken),
  }),
  response: {
    200: sessionResponse('Signed in.'),
    ...writeErrors('invalid_social_login', 'second_factor_required'),
  },
}
