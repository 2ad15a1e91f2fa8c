// Routes of the APIs whose success no recording has, with the reason. Their refusals are recorded.
const totp = 'a code of an authenticator is another one each 30 seconds'
const passkey = 'a passkey signs a challenge that is new each time'
const social = 'a provider signs its tokens, and the fixture has no provider'

/** By the route. */
export const excused: Readonly<Record<string, string>> = {
  'POST /api/auth/factors/totp/confirm': totp,
  'DELETE /api/auth/factors/totp': totp,
  'POST /api/auth/factors/recovery-codes': totp,
  'POST /api/admin/projects/:id/users/:user/reset-factors': totp,
  'POST /api/auth/passkeys': passkey,
  'PATCH /api/auth/passkeys/:id': passkey,
  'DELETE /api/auth/passkeys/:id': passkey,
  'POST /api/auth/login/passkey': passkey,
  'POST /api/auth/login/social': social,
  'POST /api/auth/login/social/exchange': social,
  'GET /api/auth/login/social/:provider': social,
  'GET /api/auth/login/social/:provider/callback': social,
  'POST /api/auth/identities/:identity': social,
  'DELETE /api/auth/identities/:identity': social,
  'POST /nora/auth/oauth-login': social,
  'POST /nora/api/auth/oauth-login': social,
  'POST /api/admin/projects/:id/mails/:mail/retry': 'only a mail that a server refused for days is retried',
}
