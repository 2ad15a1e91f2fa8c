// Sign-up, sign-in, sessions, passwords and the account itself.
import { api, mail, password, request, type Scenario, signUp, verified } from '../steps.ts'

const next = 'another good long password'
const wrong = 'a wrong long password'
const access = 'sallyport_access_{{project}}'
const refresh = 'sallyport_refresh_{{project}}'
const inCookies = { 'session-transport': 'cookie' }
const sameOrigin = { 'sec-fetch-site': 'same-origin' }

const signIn: Scenario = {
  name: 'sign-in',
  steps: [
    api('POST /signup 201', {
      headers: { 'idempotency-key': 'sign-up-of-ada' },
      body: {
        email: 'ada.signin@example.com',
        password,
        display_name: 'Ada',
        first_name: 'Ada',
        last_name: 'Lovelace',
        metadata: { plan: 'free' },
      },
      keep: { first: 'body.access_token' },
    }),
    api('POST /signup 422', {
      headers: { 'idempotency-key': 'sign-up-of-ada' },
      body: { email: 'other.signin@example.com', password },
    }),
    api('POST /signup 422', { body: { email: 'ada.signin@example.com', password } }),
    api('POST /signup 422', { body: { email: 'no address', password: 'short' } }),
    api('POST /signup 422', { body: { email: 'new.signin@example.com', password: 'password123' } }),
    api('POST /login 200', {
      body: { email: 'Ada.SignIn@example.com', password },
      keep: { ada: 'body.access_token', 'ada-refresh': 'body.refresh_token' },
    }),
    api('POST /login 401', { body: { email: 'ada.signin@example.com', password: wrong } }),
    api('POST /login 401', { body: { email: 'unknown.signin@example.com', password } }),
    api('GET /me 200', { as: 'ada' }),
    api('GET /me 401', { as: 'ada-refresh' }),
    api('POST /refresh 200', {
      body: { refresh_token: '{{ada-refresh}}' },
      keep: { ada2: 'body.access_token', 'ada-refresh2': 'body.refresh_token' },
    }),
    api('POST /refresh 200', {
      body: { refresh_token: '{{ada-refresh2}}' },
      keep: { ada3: 'body.access_token' },
    }),
    api('POST /refresh 422', { body: { refresh_token: 'not a token' } }),
    api('GET /sessions 200', { as: 'ada3', keep: { 'session-id': 'body.data.1.id' } }),
    api('DELETE /sessions/{{session-id}} 204', { as: 'ada3' }),
    api('DELETE /sessions/{{unknown}} 404', { as: 'ada3' }),
    api('POST /sessions/revoke-others 200', { as: 'ada3' }),
    api('POST /logout 200', { as: 'ada3' }),
    api('GET /me 401', { as: 'ada3' }),
    api('POST /refresh 401', { body: { refresh_token: '{{ada-refresh2}}' } }),
    api('POST /logout 401'),
    api('POST /login 200', {
      body: { email: 'ada.signin@example.com', password },
      keep: { ada4: 'body.access_token' },
    }),
    api('POST /logout-all 200', { as: 'ada4' }),
    api('GET /me 401', { as: 'ada4' }),
  ],
}

const cookies: Scenario = {
  name: 'cookies',
  steps: [
    api('POST /signup 201', {
      headers: { ...inCookies, ...sameOrigin },
      body: { email: 'ada.cookies@example.com', password },
    }),
    api('POST /login 200', {
      headers: { ...inCookies, ...sameOrigin },
      body: { email: 'ada.cookies@example.com', password },
      keep: { access: `cookie.${access}`, refresh: `cookie.${refresh}` },
    }),
    api('GET /me 200', { headers: { cookie: `${access}={{access}}` } }),
    api('PATCH /profile 403', {
      headers: { cookie: `${access}={{access}}`, 'sec-fetch-site': 'cross-site' },
      body: { display_name: 'Eve' },
    }),
    api('PATCH /profile 200', {
      headers: { cookie: `${access}={{access}}`, ...sameOrigin },
      body: { display_name: 'Ada' },
    }),
    api('POST /refresh 200', {
      headers: { cookie: `${refresh}={{refresh}}`, ...sameOrigin },
      keep: { access2: `cookie.${access}`, refresh2: `cookie.${refresh}` },
    }),
    api('POST /logout 200', {
      headers: { cookie: `${access}={{access2}}; ${refresh}={{refresh2}}`, ...sameOrigin },
    }),
  ],
}

const passwords: Scenario = {
  name: 'passwords',
  policy: { redirect_urls: ['https://app.example.com/reset'] },
  steps: [
    signUp('ada', 'ada.passwords@example.com'),
    api('POST /change-password 422', { as: 'ada', body: { current_password: wrong, new_password: next } }),
    api('POST /change-password 422', {
      as: 'ada',
      body: { current_password: password, new_password: 'short' },
    }),
    api('POST /change-password 200', {
      as: 'ada',
      body: { current_password: password, new_password: next },
      keep: { ada2: 'body.access_token' },
    }),
    api('GET /me 401', { as: 'ada' }),
    api('POST /set-password 422', { as: 'ada2', body: { new_password: 'a third good long password' } }),
    api('POST /forgot-password 202', {
      headers: { 'idempotency-key': 'a-forgotten-password' },
      body: { email: 'ada.passwords@example.com', redirect_to: 'https://app.example.com/reset' },
    }),
    api('POST /forgot-password 202', { body: { email: 'unknown.passwords@example.com' } }),
    api('POST /forgot-password 422', {
      body: { email: 'ada.passwords@example.com', redirect_to: 'https://evil.example' },
    }),
    mail('ada.passwords@example.com', 'reset_password', { token: 'token' }),
    api('POST /reset-password 422', { body: { token: '{{token}}', password: 'short' } }),
    api('POST /reset-password 200', { body: { token: '{{token}}', password } }),
    api('POST /reset-password 422', { body: { token: '{{token}}', password: next } }),
    api('POST /login 200', { body: { email: 'ada.passwords@example.com', password } }),
    signUp('ben', 'ben.passwords@example.com'),
    api('POST /forgot-password 202', { body: { email: 'ben.passwords@example.com' } }),
    mail('ben.passwords@example.com', 'reset_password', { code: 'code' }),
    api('POST /reset-password 200', {
      body: { email: 'ben.passwords@example.com', code: '{{code}}', password: next },
    }),
  ],
}

const account: Scenario = {
  name: 'account',
  policy: { deletion: { grace_seconds: 86_400 } },
  steps: [
    signUp('ada', 'ada.account@example.com'),
    api('GET /me 200', { as: 'ada' }),
    api('PATCH /profile 200', {
      as: 'ada',
      body: {
        display_name: 'Ada',
        first_name: 'Ada',
        last_name: null,
        locale: 'de',
        metadata: { theme: 'dark' },
      },
    }),
    api('PATCH /profile 422', { as: 'ada', body: { display_name: 'A'.repeat(300), locale: 'no language' } }),
    api('PUT /avatar 200', {
      as: 'ada',
      body: {
        avatar:
          'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      },
      keep: { avatar: 'file.user.avatar_url' },
    }),
    request('GET /api/auth/avatars/{{avatar}} 200', { keep: { etag: 'header.etag' } }),
    request('GET /api/auth/avatars/{{avatar}} 304', { headers: { 'if-none-match': '{{etag}}' } }),
    api('PUT /avatar 422', { as: 'ada', body: { avatar: 'data:text/plain;base64,aGk=' } }),
    api('DELETE /avatar 204', { as: 'ada' }),
    api('GET /me/activity?limit=2 200', { as: 'ada', keep: { cursor: 'body.next_cursor' } }),
    api('GET /me/export 200', { as: 'ada' }),
    api('DELETE /me 422', { as: 'ada', body: { current_password: wrong } }),
    api('DELETE /me 204', { as: 'ada', body: { current_password: password } }),
    api('GET /me 401', { as: 'ada' }),
    api('POST /login 200', { body: { email: 'ada.account@example.com', password } }),
  ],
}

const apiKeys: Scenario = {
  name: 'api-keys',
  policy: { api_keys: { max_per_user: 2 } },
  steps: [
    signUp('ada', 'ada.keys@example.com'),
    api('POST /api-keys 201', {
      as: 'ada',
      headers: { 'idempotency-key': 'the-first-key' },
      body: { name: 'Builds', scopes: ['teams:read'], expires_at: '2099-01-01T00:00:00Z' },
      keep: { key: 'body.plain_text_key', 'key-id': 'body.id' },
    }),
    api('POST /api-keys 201', { as: 'ada', body: { name: 'Second' } }),
    api('POST /api-keys 409', { as: 'ada', body: { name: 'Too many' } }),
    api('POST /api-keys 422', { as: 'ada', body: { name: '', scopes: ['no:scope'] } }),
    api('GET /api-keys 200', { as: 'ada' }),
    api('GET /teams 200', { as: 'key' }),
    api('GET /me 403', { as: 'key' }),
    api('POST /introspect 200', { headers: { 'project-secret': '{{secret}}' }, body: { token: '{{ada}}' } }),
    api('POST /introspect 200', { headers: { 'project-secret': '{{secret}}' }, body: { token: '{{key}}' } }),
    api('POST /introspect 200', { headers: { 'project-secret': '{{secret}}' }, body: { token: 'none' } }),
    api('POST /introspect 200', {
      headers: { authorization: '{{basic}}', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'token={{ada-refresh}}&token_type_hint=refresh_token',
    }),
    api('POST /introspect 401', { headers: { 'project-secret': 'wrong' }, body: { token: '{{ada}}' } }),
    api('POST /api-keys/{{key-id}}/revoke 200', { as: 'ada' }),
    api('POST /api-keys/{{unknown}}/revoke 404', { as: 'ada' }),
  ],
}

const closed: Scenario = {
  name: 'closed',
  policy: { sign_up: 'closed' },
  steps: [api('POST /signup 403', { body: { email: 'ada.closed@example.com', password } })],
}

const lockout: Scenario = {
  name: 'lockout',
  steps: [
    ...verified('ada', 'ada.lockout@example.com'),
    ...Array.from({ length: 5 }, () =>
      api('POST /login 401', { body: { email: 'ada.lockout@example.com', password: wrong } }),
    ),
    api('POST /login 429', { body: { email: 'ada.lockout@example.com', password: wrong } }),
  ],
}

export const accounts = [signIn, cookies, passwords, account, apiKeys, closed, lockout]
