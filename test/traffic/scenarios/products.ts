// The APIs of NodeLoom, CREDEBL and Nora, each under every base that it has.
import { api, mail, password, request, type Scenario, type ScriptStep, verified } from '../steps.ts'

const wrong = 'a wrong long password'
const next = 'another good long password'

const nodeloom: Scenario = {
  name: 'nodeloom',
  ofProducts: true,
  policy: { sessions: { notify_new_device: false } },
  steps: nodeloomSteps(),
}

function nodeloomSteps(): ScriptStep[] {
  const headers = { cookie: 'nodeloom_session={{cookie}}' }
  const loom = (line: string, body?: unknown, keep?: Record<string, string>) =>
    request(line.replace(' ', ' /nodeloom/api'), {
      headers,
      ...(body ? { body } : {}),
      ...(keep ? { keep } : {}),
    })
  const login = (line: string, body: unknown, keep?: Record<string, string>) =>
    request(line.replace(' ', ' /nodeloom/api'), { body, ...(keep ? { keep } : {}) })
  const member = { email: 'ben.loom@example.com', role: 'BUILDER' }
  return [
    ...verified('ada', 'ada.loom@example.com', { first_name: 'Ada', last_name: 'Lovelace' }),
    ...verified('ben', 'ben.loom@example.com'),
    login('POST /auth/login 400', {}),
    login('POST /auth/login 401', { email: 'ada.loom@example.com', password: wrong }),
    login(
      'POST /auth/login 200',
      { email: 'ada.loom@example.com', password },
      { cookie: 'cookie.nodeloom_session' },
    ),
    loom('POST /auth/refresh 200', undefined, { cookie: 'cookie.nodeloom_session' }),
    request('POST /nodeloom/api/auth/refresh 401'),
    loom('GET /teams 200'),
    loom('POST /teams 201', { name: 'Looms' }, { team: 'body.id' }),
    loom('POST /teams 400', { name: '' }),
    loom('GET /teams/{{team}} 200'),
    loom('GET /teams/{{unknown}} 404'),
    loom('PUT /teams/{{team}} 200', { name: 'Looms and more' }),
    loom('POST /teams/{{team}}/members 202', member),
    request('POST /nodeloom/api/teams/{{team}}/members 201', {
      headers: { ...headers, 'project-secret': '{{secret}}' },
      body: member,
    }),
    loom('POST /teams/{{team}}/members 400', { ...member, role: 'KING' }),
    loom('GET /teams/{{team}}/members 200'),
    loom('PUT /teams/{{team}}/members/{{ben-id}} 200', { role: 'VIEWER' }),
    loom('PUT /teams/{{team}}/members/{{unknown}} 404', { role: 'VIEWER' }),
    loom('DELETE /teams/{{team}}/members/{{ben-id}} 200'),
    loom('DELETE /teams/{{team}}/members/{{unknown}} 404'),
    loom('DELETE /teams/{{team}} 200'),
    loom('DELETE /teams/{{unknown}} 404'),
    loom('POST /auth/logout 200'),
    loom('GET /teams 401'),
  ]
}

const credeblAt = (base: string, name: string): Scenario => {
  const email = `ada.${name}@example.com`
  const post = (line: string, body: unknown, keep?: Record<string, string>) =>
    request(line.replace(' ', ` ${base}`), { body, ...(keep ? { keep } : {}) })
  const as = (line: string, who: string, keep?: Record<string, string>) =>
    request(line.replace(' ', ` ${base}`), { as: who, ...(keep ? { keep } : {}) })
  const person = { email, firstName: 'Ada', lastName: 'Lovelace', password }
  const signIn = (n: string) =>
    post(
      'POST /auth/signin 200',
      { email, password },
      {
        [`token${n}`]: 'body.data.access_token',
        [`refresh${n}`]: 'body.data.refresh_token',
        [`session${n}`]: 'body.data.sessionId',
      },
    )
  return {
    name,
    ofProducts: true,
    policy: {
      sessions: { notify_new_device: false },
      verification: { resend_cooldown_seconds: 0 },
      link_origins: ['https://app.example.com'],
      clients: [{ alias: 'STUDIO', url: 'https://app.example.com' }],
    },
    steps: [
      request(`GET ${base}/auth/clientAliases 200`),
      post('POST /auth/verification-mail 201', { email, clientAlias: 'STUDIO' }),
      post('POST /auth/verification-mail 400', { email: 'no address' }),
      mail(email, 'register', { code: 'link.verificationCode' }),
      request(`GET ${base}/auth/verify?email=${email}&verificationCode={{code}} 200`),
      request(`GET ${base}/auth/verify?email=${email} 400`),
      // The page of the mail's link, confirmed.
      request('POST /account/verify 200', {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'project={{project}}&token={{code}}',
      }),
      post('POST /auth/signup 400', { email: 'no address' }),
      post('POST /auth/signup 201', person),
      post('POST /auth/signup 400', person),
      post('POST /auth/signin 401', { email, password: wrong }),
      post('POST /auth/signin 400', {}),
      signIn('1'),
      signIn('2'),
      as('GET /users/profile 200', 'token1', { id: 'body.data.id' }),
      request(`GET ${base}/users/profile 401`),
      as('GET /auth/sessionDetails 200', 'token1'),
      request(`GET ${base}/auth/sessionDetails 401`),
      as('GET /auth/{{id}}/sessions 200', 'token1'),
      as('GET /auth/{{unknown}}/sessions 403', 'token1'),
      post('POST /auth/refresh-token 200', { refreshToken: '{{refresh2}}' }),
      post('POST /auth/refresh-token 401', { refreshToken: 'none' }),
      as('DELETE /auth/{{session2}}/sessions 200', 'token1'),
      as('DELETE /auth/{{unknown}}/sessions 404', 'token1'),
      as('POST /auth/signout 200', 'token1'),
      as('POST /auth/signout 401', 'token1'),
      post('POST /auth/reset-password 200', { email, oldPassword: password, newPassword: next }),
      post('POST /auth/reset-password 401', { email, oldPassword: wrong, newPassword: next }),
      post('POST /auth/forgot-password 200', { email }),
      post('POST /auth/forgot-password 400', { email: 'no address' }),
      mail(email, 'reset_password', { reset: 'link.verificationCode' }),
      post(`POST /auth/password-reset/${email} 400`, { password, token: 'none' }),
      post(`POST /auth/password-reset/${email} 200`, { password, token: '{{reset}}' }),
    ],
  }
}

const noraAt = (base: string, name: string): Scenario => {
  const email = `ada.${name}@example.com`
  const post = (line: string, body: unknown, keep?: Record<string, string>) =>
    request(line.replace(' ', ` ${base}`), { body, ...(keep ? { keep } : {}) })
  const as = (line: string, body?: unknown) =>
    request(line.replace(' ', ` ${base}`), { as: 'token', ...(body ? { body } : {}) })
  return {
    name,
    ofProducts: true,
    policy: { sessions: { notify_new_device: false } },
    steps: [
      post('POST /signup 200', { email, password }),
      post('POST /signup 409', { email, password }),
      post('POST /signup 400', { email: 'no address', password: 'x' }),
      post('POST /login 401', { email, password: wrong }),
      post('POST /login 400', {}),
      post('POST /login 200', { email, password }, { token: 'body.token' }),
      as('GET /me 200'),
      request(`GET ${base}/me 401`),
      as('PATCH /profile 200', { name: 'Ada' }),
      as('PATCH /profile 400', { name: 7 }),
      as('PATCH /password 401', { currentPassword: wrong, newPassword: next }),
      as('PATCH /password 400', { currentPassword: password, newPassword: 'short' }),
      as('PATCH /password 200', { currentPassword: password, newPassword: next }),
      post('POST /oauth-login 400', { provider: 'none', oauthIdToken: 'none' }),
    ],
  }
}

const canonicalBeside: Scenario = {
  name: 'products-canonical',
  ofProducts: true,
  steps: [
    request('POST /nora/auth/signup 200', { body: { email: 'ada.beside@example.com', password } }),
    api('POST /login 200', { body: { email: 'ada.beside@example.com', password } }),
  ],
}

export const products = [
  nodeloom,
  credeblAt('/credebl', 'credebl'),
  credeblAt('/credebl/v1', 'credebl-v1'),
  noraAt('/nora/auth', 'nora'),
  noraAt('/nora/api/auth', 'nora-api'),
  canonicalBeside,
]
