// Every credential at every API: an access token serves ordinary routes, and only the API that opened a session refreshes or
// extends it.
import t from 'tap'
import { type Answer, startTestApp } from '../support/app.ts'

const app = await startTestApp(t)
const password = 'a good long password'
let people = 0

/** The credentials of one person, each of a session of its own. */
async function credentials() {
  const email = `matrix-${++people}@example.com`
  const body = { email, password }
  await app.send('POST', '/nora/auth/signup', { body })
  const canonical = await app.api('POST', '/login', { body })
  const inCookies = await app.api('POST', '/login', { headers: { 'session-transport': 'cookie' }, body })
  const nodeloom = await app.send('POST', '/nodeloom/api/auth/login', { body })
  const credebl = await app.send('POST', '/credebl/auth/signin', { body })
  const nora = await app.send('POST', '/nora/auth/login', { body })
  const named = (answer: Answer, part: string) =>
    Object.entries(answer.cookies).find(([name]) => name.includes(part))?.[1] ?? ''
  return {
    'canonical access': canonical.body.access_token,
    'canonical refresh': canonical.body.refresh_token,
    'canonical access cookie': named(inCookies, 'access'),
    'canonical refresh cookie': named(inCookies, 'refresh'),
    'nodeloom cookie': named(nodeloom, 'nodeloom_session'),
    'credebl access': credebl.body.data.access_token,
    'credebl refresh': credebl.body.data.refresh_token,
    'nora access': nora.body.token,
  } as const
}
type Credential = keyof Awaited<ReturnType<typeof credentials>>
const all = Object.keys(await credentials()) as Credential[]

/** What makes a credential longer or another, and the one kind of credential that each of them takes. */
const upgrades: Record<string, [takes: readonly Credential[], use: (token: string) => Promise<Answer>]> = {
  'POST /api/auth/refresh': [
    ['canonical refresh', 'canonical refresh cookie'],
    (token) => app.api('POST', '/refresh', { body: { refresh_token: token } }),
  ],
  'POST /api/auth/refresh by cookie': [
    ['canonical refresh', 'canonical refresh cookie'],
    (token) =>
      app.api('POST', '/refresh', { headers: { cookie: `sallyport_refresh_${app.projectId}=${token}` } }),
  ],
  'POST /nodeloom/api/auth/refresh': [
    ['nodeloom cookie'],
    (token) =>
      app.send('POST', '/nodeloom/api/auth/refresh', { headers: { cookie: `nodeloom_session=${token}` } }),
  ],
  'POST /credebl/auth/refresh-token': [
    ['credebl refresh'],
    (token) => app.send('POST', '/credebl/auth/refresh-token', { body: { refreshToken: token } }),
  ],
}

for (const [name, [takes, use]] of Object.entries(upgrades))
  t.test(`${name} takes its own credential and no other, which lives on`, async (t) => {
    const own = await credentials()
    for (const credential of all) {
      const answer = await use(own[credential])
      if (takes.includes(credential)) t.equal(answer.status, 200, credential)
      else t.ok([400, 401, 422].includes(answer.status), `${credential}: ${answer.status}`)
    }
    const rows = await app.sql`select client, revoked_at from sessions
      where user_id = (select id from users where email = ${`matrix-${people}@example.com`})`
    t.ok(
      rows.every(({ revoked_at }) => revoked_at === null),
      'and a foreign credential ends no session',
    )
  })

t.test(
  'an access token of any API serves ordinary routes of the bearer APIs; a refresh token serves none',
  async (t) => {
    const own = await credentials()
    for (const credential of all) {
      const headers = { authorization: `Bearer ${own[credential]}` }
      const status = credential.includes('refresh') ? 401 : 200
      t.equal((await app.api('GET', '/me', { headers })).status, status, `canonical: ${credential}`)
      t.equal((await app.send('GET', '/nora/auth/me', { headers })).status, status, `nora: ${credential}`)
    }
  },
)

t.test(
  'a NodeLoom session outlives no extension by an access token, however often it is tried',
  async (t) => {
    const own = await credentials()
    for (const credential of ['canonical access', 'credebl access', 'nora access'] as const) {
      const cookie = `nodeloom_session=${own[credential]}`
      for (let tries = 0; tries < 3; tries++) {
        const answer = await app.send('POST', '/nodeloom/api/auth/refresh', { headers: { cookie } })
        t.equal(answer.status, 401)
        t.same(answer.headers.getSetCookie(), [])
      }
    }
  },
)

t.test(
  'a CREDEBL session of version 0.1, which does not know its API, is adopted by its refresh token',
  async (t) => {
    const own = await credentials()
    await app.sql`update sessions set client = 'canonical' where client = 'credebl'`
    const answer = await app.send('POST', '/credebl/auth/refresh-token', {
      body: { refreshToken: own['credebl refresh'] },
    })
    t.equal(answer.status, 200)
    const rows = await app.sql`select client from sessions where id = ${answer.body.data.session_state}`
    t.equal(rows[0]?.client, 'credebl')
  },
)
