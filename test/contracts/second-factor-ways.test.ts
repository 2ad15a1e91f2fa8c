// Every way in of all four contracts, for an account with a second factor and a person who has everything but that: none gives a
// session, a token, a key or a code that opens anything. A route that is new in openapi/routes.txt must be decided here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { type Answer, freePort, startTestApp } from '../support/app.ts'
import { enrolTotp, mailOfKind, renewSteps } from '../support/factors.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { newProofKey } from '../support/pkce.ts'
import { newWanderer } from '../support/wanderer.ts'

const port = await freePort()
const origin = `http://127.0.0.1:${port}`
const callback = `${origin}/api/auth/login/social/acme/callback`
const issuer = await startIssuer(t, [callback])
const home = 'https://app.example.com/in'
const policy = {
  providers: { acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) },
  redirect_urls: [home],
  verification: { resend_cooldown_seconds: 0 },
  sessions: { notify_new_device: false },
  email_sign_in: 'existing',
}
const app = await startTestApp(t, {
  policy,
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})
const { verifier, challenge: code_challenge } = newProofKey()
const password = 'a good long password'

/** A person with a password, a provider, a mailbox and an authenticator; `key` is the Idempotency-Key of the sign-up. */
async function newVictim() {
  const subject = newSubject()
  const email = `${subject}@example.com`
  issuer.people.set(subject, { email, email_verified: true, name: 'Ada' })
  const key = `"${subject}"`
  const signUp = () =>
    app.api('POST', '/signup', { headers: { 'idempotency-key': key }, body: { email, password } })
  const signedUp = await signUp()
  const authenticator = await enrolTotp(app, signedUp, email)
  return { subject, email, signUp, signedUp, authenticator }
}
type Victim = Awaited<ReturnType<typeof newVictim>>

const idToken = ({ subject, email }: Victim) => issuer.idToken({ sub: subject, email, email_verified: true })
const wander = async ({ subject }: Victim, query: Record<string, string>) => {
  const browser = newWanderer()
  const start = `${origin}/api/auth/login/social/acme?${new URLSearchParams({ redirect_to: home, project_id: app.projectId, ...query })}`
  const stop = await browser.visit(await browser.toCallback(start, issuer, subject, callback))
  return { stop, jar: browser.jar.get(new URL(origin).host) }
}
const mailed = ({ email }: Victim, kind: string) => mailOfKind(app, email, kind)
/** Posts a form of a page. */
const press = (path: string, fields: Record<string, string>) =>
  app.send('POST', `${path}?${new URLSearchParams({ project: app.projectId })}`, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })
const asked = async (victim: Victim) => {
  await app.api('POST', '/forgot-password', { body: { email: victim.email } })
  return mailed(victim, 'reset_password')
}
const newPassword = 'chosen after the reset'

type Way = (victim: Victim) => Promise<Answer | { readonly body: unknown; readonly cookies: object }>

/** What a person without the factor tries. */
const ways: Readonly<Record<string, Way>> = {
  'POST /api/auth/login': ({ email }) => app.api('POST', '/login', { body: { email, password } }),
  'POST /api/auth/login/social': async (victim) =>
    app.api('POST', '/login/social', { body: { provider: 'acme', id_token: await idToken(victim) } }),
  'GET /api/auth/login/social/:provider/callback': async (victim) => {
    const { stop, jar } = await wander(victim, { session_transport: 'cookie' })
    const end = new URL(stop.location ?? '')
    t.equal(end.searchParams.get('error'), 'second_factor_required')
    const due = new URLSearchParams(end.hash.slice(1))
    t.match(due.get('challenge'), /^sfc_/)
    t.equal(due.get('factors'), 'totp recovery_code')
    return { body: stop.text, cookies: Object.fromEntries(jar ?? []) }
  },
  'POST /api/auth/login/social/exchange': async (victim) => {
    const { stop } = await wander(victim, { code_challenge })
    const code = new URL(stop.location ?? '').searchParams.get('code')
    return app.api('POST', '/login/social/exchange', { body: { code, code_verifier: verifier } })
  },
  'POST /api/auth/login/second-factor': async ({ email, authenticator }) => {
    const { body } = await app.api('POST', '/login', { body: { email, password } })
    const sent = { challenge: body.challenge, method: 'totp', code: authenticator.wrong() }
    return app.api('POST', '/login/second-factor', { body: sent })
  },
  'POST /api/auth/login/second-factor/email-code': async ({ email }) => {
    const { body } = await app.api('POST', '/login', { body: { email, password } })
    const sent = { challenge: body.challenge }
    return app.api('POST', '/login/second-factor/email-code', { body: sent })
  },
  'POST /api/auth/login/email/confirm': async ({ email }) => {
    const { body } = await app.api('POST', '/login/email', { body: { email } })
    const { code } = await mailOfKind(app, email, 'sign_in_code')
    return app.api('POST', '/login/email/confirm', { body: { flow: body.flow, code } })
  },
  'POST /api/auth/signup': ({ signUp }) => signUp(),
  'POST /api/auth/reset-password': async (victim) => {
    const { token } = await asked(victim)
    await app.api('POST', '/reset-password', { body: { token, password: newPassword } })
    return app.api('POST', '/login', { body: { email: victim.email, password: newPassword } })
  },
  'POST /api/auth/verify-email/confirm': async ({ email }) =>
    app.api('POST', '/verify-email/confirm', { body: { email, code: '123456', current_password: password } }),
  'POST /account/reset-password': async (victim) => {
    const { link } = await asked(victim)
    const form = new URLSearchParams({
      ...Object.fromEntries(new URL(link ?? '').searchParams),
      password: newPassword,
    })
    const answer = await app.send('POST', '/account/reset-password', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    })
    return answer
  },
  'POST /sign-in': ({ email }) => press('/sign-in', { email, password }),
  'POST /sign-in/second-factor': async ({ email, authenticator }) => {
    const due = await press('/sign-in', { email, password })
    const challenge = /name="challenge" value="([^"]+)"/.exec(due.body)?.[1] ?? ''
    t.match(challenge, /^sfc_/)
    const sent = { challenge, factors: 'totp', method: 'totp', totp: authenticator.wrong() }
    return press('/sign-in/second-factor', sent)
  },
  'POST /sign-in/email/confirm': async ({ email }) => {
    const { body } = await press('/sign-in/email', { email })
    const { code } = await mailOfKind(app, email, 'sign_in_code')
    const flow = /name="flow" value="([^"]+)"/.exec(body)?.[1] ?? ''
    const answer = await press('/sign-in/email/confirm', { email, flow, code: code ?? '' })
    t.match(answer.body, 'name="challenge"')
    return answer
  },
  'POST /sign-up': ({ email }) => press('/sign-up', { email, password }),
  'POST /sign-up/verify': ({ email }) => press('/sign-up/verify', { email, code: '123456' }),
  'POST /nodeloom/api/auth/login': ({ email }) =>
    app.send('POST', '/nodeloom/api/auth/login', { body: { email, password } }),
  'POST /credebl/auth/signin': ({ email }) =>
    app.send('POST', '/credebl/auth/signin', { body: { email, password } }),
  'POST /credebl/auth/reset-password': ({ email }) =>
    app.send('POST', '/credebl/auth/reset-password', {
      body: { email, oldPassword: password, newPassword },
    }),
  'POST /credebl/auth/password-reset/:email': async (victim) => {
    const { token } = await asked(victim)
    await app.send('POST', `/credebl/auth/password-reset/${victim.email}`, {
      body: { token, password: newPassword },
    })
    return app.send('POST', '/credebl/auth/signin', { body: { email: victim.email, password: newPassword } })
  },
  'POST /credebl/auth/signup': ({ email }) =>
    app.send('POST', '/credebl/auth/signup', {
      body: { email, password, firstName: 'Ada', lastName: 'L' },
    }),
  'POST /nora/auth/login': ({ email }) => app.send('POST', '/nora/auth/login', { body: { email, password } }),
  'POST /nora/auth/oauth-login': async (victim) =>
    app.send('POST', '/nora/auth/oauth-login', {
      body: { provider: 'acme', oauthIdToken: await idToken(victim) },
    }),
  'POST /nora/auth/signup': ({ email }) =>
    app.send('POST', '/nora/auth/signup', { body: { email, password } }),
}

/** Routes that a person without a session may call and that open none, with the reason. */
const harmless: Readonly<Record<string, string>> = {
  'POST /api/auth/refresh': 'goes on with a session, whose tokens it takes',
  'POST /credebl/auth/refresh-token': 'goes on with a session, whose tokens it takes',
  'GET /credebl/auth/sessionDetails': 'shows a session that is open',
  'GET /api/auth/login/social/:provider': 'leads to the provider',
  'POST /api/auth/forgot-password': 'sends a mail',
  'POST /api/auth/login/email': 'sends a mail',
  'POST /account/sign-in': 'is not answered: the page only shows',
  'POST /api/auth/verify-email/resend': 'sends a mail',
  'POST /credebl/auth/forgot-password': 'sends a mail',
  'POST /credebl/auth/verification-mail': 'sends a mail',
  'POST /api/auth/change-email/confirm': 'moves an account to an address, and opens no session',
  'POST /api/auth/change-email/undo': 'moves an account back, and opens no session',
  'POST /account/change-email': 'the same as a page',
  'POST /account/undo-email-change': 'the same as a page',
  'POST /account/not-me': 'ends every session, and opens none',
  'POST /api/auth/login/passkey':
    'is two factors in one act: the key, and its holder whom the device verified',
  'POST /api/auth/passkeys/sign-in-options': 'gives a challenge for a passkey',
  'POST /account/verify-email': 'proves an address, and opens no session',
  'POST /account/verify': 'proves an address, and opens no session',
  'POST /account/team-invitation': 'joins a team in a session that is open',
  'POST /api/admin/setup':
    'takes an operator’s set-up link, and asks for the factor (test/http/admin/operators.test.ts)',
  'POST /operators/setup': 'the same as a page',
  'GET /sign-in': 'a page; in the browser of a session it goes on with that',
  'GET /sign-up': 'a page',
  'GET /forgot-password': 'a page',
  'POST /forgot-password': 'sends a mail',
  'POST /sign-in/email': 'sends a mail',
  'POST /sign-up/resend': 'sends a mail',
  'GET /sign-in/second-factor': 'leads to its page',
  'POST /sign-in/second-factor/email-code': 'sends a mail',
  'GET /sign-in/second-factor/email-code': 'leads to its page',
  'GET /sign-in/email': 'leads to its page',
  'GET /sign-in/email/confirm': 'leads to its page',
  'GET /sign-in/passkey': 'leads to its page',
  'POST /sign-in/passkey': 'is two factors in one act, as POST /api/auth/login/passkey',
  'GET /sign-in/continue': 'leads to its page',
  'POST /sign-in/continue': 'goes on with a session, whose cookie it takes (test/http/hosted-pages.test.ts)',
  'GET /sign-in/social/:provider': 'leads to the provider',
  'GET /sign-up/verify': 'leads to its page',
  'GET /sign-up/resend': 'leads to its page',
  'GET /credebl/auth/clientAliases': 'reads the policy',
  'GET /credebl/auth/verify': 'looks at a code',
  'GET /projects/:project_id/.well-known/openid-configuration': 'reads the policy',
  'GET /.well-known/oauth-authorization-server/projects/:project_id': 'reads the policy',
  'GET /projects/:project_id/.well-known/passkey-endpoints': 'reads the policy',
  'GET /projects/:project_id/.well-known/webauthn': 'reads the policy',
}

const routes = readFileSync(join(packageRoot, 'openapi/routes.txt'), 'utf8')
  .split('\n')
  .map((line) => line.trim().split(/\s+/))
  .filter(
    ([method, , access]) =>
      ['public', 'recognized', 'optional'].includes(access ?? '') || (access === 'open' && method === 'POST'),
  )
  .map(([method, path = '']) => `${method} ${path}`)
/** The same routes for clients with another base URL. */
const isTwin = (route: string) => /\/credebl\/v1\/|\/nora\/api\//.test(route)

t.test('every route that a person without a session may call is decided here', async (t) => {
  const decided = new Set([...Object.keys(ways), ...Object.keys(harmless)])
  t.same(
    routes.filter((route) => !isTwin(route) && !decided.has(route)),
    [],
  )
  t.same(
    [...decided].filter((route) => !routes.includes(route)),
    [],
    'and every row is a route',
  )
})

/** What is open of an account, by the database. */
async function opened({ signedUp }: Victim) {
  const [row] =
    await app.sql`select (select count(*)::int from sessions where user_id = ${signedUp.body.user.id}) as sessions,
    (select count(*)::int from api_keys where user_id = ${signedUp.body.user.id}) as keys`
  return row
}

const tokens = /eyJ[\w-]+\.|svr_|"(?:access_token|refresh_token|token|plain_text_key)":"/

for (const [name, way] of Object.entries(ways))
  t.test(`${name} opens nothing without the second factor`, async (t) => {
    const victim = await newVictim()
    const before = await opened(victim)
    const answer = await way(victim)
    t.same(await opened(victim), before)
    t.notMatch(JSON.stringify(answer.body), tokens)
    t.same(Object.keys(answer.cookies), [])
    t.equal((await app.api('GET', '/me', { headers: {} })).status, 401)
  })

t.test('the products say so in their own shape, after a right password alone', async (t) => {
  const { email } = await newVictim()
  const nora = (secret: string) => app.send('POST', '/nora/auth/login', { body: { email, password: secret } })
  t.match(await nora(password), { status: 401, body: { error: 'Second factor required' } })
  t.match(await nora('a wrong long password'), { status: 401, body: { error: 'Invalid email or password' } })
  t.match(await app.send('POST', '/credebl/auth/signin', { body: { email, password } }), {
    status: 401,
    body: { statusCode: 401, message: 'Second factor required', error: 'Unauthorized' },
  })
  t.match(await app.send('POST', '/nodeloom/api/auth/login', { body: { email, password } }), {
    status: 401,
    body: { status: 401, error: 'Unauthorized', message: 'Second factor required' },
  })
})

t.test('contracts.without_second_factor lets them in, and the canonical API not', async (t) => {
  await app.setPolicy({ ...policy, contracts: { without_second_factor: true } })
  t.teardown(() => app.setPolicy(policy))
  const victim = await newVictim()
  const { email } = victim
  for (const path of ['/nora/auth/login', '/credebl/auth/signin', '/nodeloom/api/auth/login'])
    t.equal((await app.send('POST', path, { body: { email, password } })).status, 200, path)
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 403)
  const { token } = (await app.send('POST', '/nora/auth/login', { body: { email, password } })).body
  const headers = { authorization: `Bearer ${token}` }
  const key = await app.api('POST', '/api-keys', { headers, body: { name: 'key' } })
  t.equal(key.status, 401, 'such a session makes no key')
  const change = { currentPassword: password, newPassword }
  t.match(await app.send('PATCH', '/nora/auth/password', { headers, body: change }), {
    status: 401,
    body: { error: 'Second factor required' },
  })
})

t.test(
  'with the factor, the exchange of a code and a provider’s token open a session of acr 2',
  async (t) => {
    for (const route of ['POST /api/auth/login/social', 'POST /api/auth/login/social/exchange']) {
      const victim = await newVictim()
      const way = ways[route]
      if (!way) throw new Error('no way')
      const { challenge } = (await way(victim)).body as { challenge: string }
      await renewSteps(app, victim.email)
      const done = await app.api('POST', '/login/second-factor', {
        body: { challenge, method: 'totp', code: victim.authenticator.code() },
      })
      t.equal(done.status, 200, route)
      const { data } = (
        await app.api('GET', '/sessions', { headers: { authorization: `Bearer ${done.body.access_token}` } })
      ).body
      t.match(data[0], { acr: '2', amr: ['fed', 'otp', 'mfa'], current: true })
    }
  },
)
