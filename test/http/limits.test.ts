// Limits for each project and client address, in three classes, with the headers that tell a client where it stands.
import t from 'tap'
import { type Answer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const direct = await startTestApp(t)
const proxied = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' } })
const password = 'a good long password'
const tight = {
  limits: {
    credential: { max: 3, window_seconds: 900 },
    mail: { max: 2, window_seconds: 3600 },
    read: { max: 4, window_seconds: 60 },
  },
}
type Headers = Record<string, string>
const from = (address: string) => ({ 'x-forwarded-for': address })

/** Sends the same request `times` times; the statuses, in order. */
async function statuses(times: number, send: () => Promise<Answer>): Promise<number[]> {
  const found = []
  for (let turn = 0; turn < times; turn++) found.push((await send()).status)
  return found
}

t.test(
  'read · the headers count down, and the request beyond is refused with the time to wait',
  async (t) => {
    const headers = { 'project-id': (await direct.project(tight)).id }
    for (const left of [3, 2, 1, 0]) {
      const answer = await direct.api('GET', '/me', { headers })
      t.equal(answer.status, 401)
      t.equal(answer.headers.get('ratelimit-policy'), '"read";q=4;w=60')
      t.match(answer.headers.get('ratelimit'), new RegExp(`^"read";r=${left};t=\\d+$`))
      t.equal(answer.headers.get('retry-after'), null)
    }
    const refused = await direct.api('GET', '/me', { headers })
    isProblem(t, refused, 'rate_limited')
    t.ok(refused.body.retry_after > 50 && refused.body.retry_after <= 60, `${refused.body.retry_after} s`)
    t.equal(refused.headers.get('ratelimit-policy'), '"read";q=4;w=60')
    t.match(refused.headers.get('ratelimit'), /^"read";r=0;t=\d+$/)
  },
)

t.test('read · me, refresh, logout and logout-all share one count', async (t) => {
  const headers = { 'project-id': (await direct.project(tight)).id }
  const refresh = { headers, body: { refresh_token: 'x'.repeat(60) } }
  t.equal((await direct.api('GET', '/me', { headers })).status, 401)
  t.equal((await direct.api('POST', '/refresh', refresh)).status, 401)
  t.equal((await direct.api('POST', '/logout', { headers })).status, 401)
  t.equal((await direct.api('POST', '/logout-all', { headers })).status, 401)
  isProblem(t, await direct.api('POST', '/refresh', refresh), 'rate_limited')
})

t.test(
  'credential · sign-up, sign-in and confirmation share one count, apart from read and mail',
  async (t) => {
    const headers = { 'project-id': (await direct.project(tight)).id }
    const email = 'credential@example.com'
    const signedUp = await direct.api('POST', '/signup', { headers, body: { email, password } })
    t.equal(signedUp.headers.get('ratelimit-policy'), '"credential";q=3;w=900')
    t.match(signedUp.headers.get('ratelimit'), /^"credential";r=2;t=\d+$/)
    t.equal((await direct.api('POST', '/login', { headers, body: { email, password } })).status, 200)
    t.equal(
      (await direct.api('POST', '/verify-email/confirm', { headers, body: { token: 'x' } })).status,
      422,
    )
    const refused = await direct.api('POST', '/login', { headers, body: { email, password } })
    isProblem(t, refused, 'rate_limited')
    t.ok(refused.body.retry_after > 880 && refused.body.retry_after <= 900)
    t.same(refused.headers.getSetCookie(), [])
    t.equal((await direct.api('GET', '/me', { headers })).status, 401)
    t.equal((await direct.api('POST', '/verify-email/resend', { headers, body: { email } })).status, 200)
  },
)

t.test('credential · change-password counts', async (t) => {
  const headers = { 'project-id': (await direct.project(tight)).id }
  const signedUp = await direct.api('POST', '/signup', {
    headers,
    body: { email: 'c@example.com', password },
  })
  const authorization = `Bearer ${signedUp.body.access_token}`
  const body = { current_password: 'a wrong password', new_password: 'another good password' }
  const change = () =>
    direct.api('POST', '/change-password', { headers: { ...headers, authorization }, body })
  t.same(await statuses(3, change), [422, 422, 429])
})

t.test('mail · resend has a count of its own', async (t) => {
  const headers = { 'project-id': (await direct.project(tight)).id }
  let count = 0
  const resend = () =>
    direct.api('POST', '/verify-email/resend', { headers, body: { email: `mail-${++count}@example.com` } })
  const first = await resend()
  t.equal(first.headers.get('ratelimit-policy'), '"mail";q=2;w=3600')
  t.same(await statuses(2, resend), [200, 429])
})

t.test('credential and mail · malformed bodies are not counted', async (t) => {
  const headers = { 'project-id': (await direct.project(tight)).id }
  const email = 'typo@example.com'
  for (const body of [{}, { email }, { email, password: 7 }, { email: 'x', password }, '{', '[]', '']) {
    t.notOk((await direct.api('POST', '/login', { headers, body })).headers.has('ratelimit'))
    t.not((await direct.api('POST', '/signup', { headers, body })).status, 429)
  }
  for (let turn = 0; turn < 4; turn++) {
    const answer = await direct.api('POST', '/verify-email/resend', { headers, body: { email: 'x' } })
    t.equal(answer.status, 422)
  }
  t.equal((await direct.api('POST', '/signup', { headers, body: { email, password } })).status, 201)
})

t.test('each project has a count of its own', async (t) => {
  const one = { 'project-id': (await direct.project(tight)).id }
  const two = { 'project-id': (await direct.project(tight)).id }
  t.same(await statuses(5, () => direct.api('GET', '/me', { headers: one })), [401, 401, 401, 401, 429])
  t.equal((await direct.api('GET', '/me', { headers: two })).status, 401)
})

t.test('what has no project is not limited, nor is a path that does not exist', async (t) => {
  for (const path of ['/health/live', '/.well-known/jwks.json', '/api/auth/nothing'])
    t.notOk((await direct.send('GET', path)).headers.has('ratelimit'), path)
})

t.test('pages of mails are limited, those that are the same for everybody are not', async (t) => {
  const often = async (path: string) => new Set(await statuses(130, () => direct.send('GET', path)))
  t.same([...(await often('/console'))], [200], 'many operators may share an address')
  t.same([...(await often('/problems'))], [200])
  t.same([...(await often('/account/reset-password?project=x&token=y'))], [422, 429])
  t.equal((await direct.send('GET', '/console')).status, 200)
})

t.test('TRUSTED_PROXIES · each client behind the proxy has a count of its own', async (t) => {
  const headers = { 'project-id': (await proxied.project(tight)).id }
  const me = (address: string) => () =>
    proxied.api('GET', '/me', { headers: { ...headers, ...from(address) } })
  t.same(await statuses(5, me('203.0.113.1')), [401, 401, 401, 401, 429])
  t.equal((await me('203.0.113.2')()).status, 401)
})

t.test(
  'TRUSTED_PROXIES · the rightmost hop that is no proxy counts, whatever a client writes before it',
  async (t) => {
    const headers = { 'project-id': (await proxied.project(tight)).id }
    let forged = 0
    const me = (): Promise<Answer> =>
      proxied.api('GET', '/me', {
        headers: { ...headers, ...from(`198.51.100.${++forged}, 203.0.113.9, 10.1.2.3`) },
      })
    t.same(await statuses(5, me), [401, 401, 401, 401, 429])
  },
)

t.test('without TRUSTED_PROXIES a forged X-Forwarded-For is ignored', async (t) => {
  const headers = { 'project-id': (await direct.project(tight)).id }
  let forged = 0
  const me = (): Promise<Answer> =>
    direct.api('GET', '/me', {
      headers: {
        ...headers,
        ...from(`203.0.113.${++forged}`),
        'x-real-ip': `203.0.113.${forged}`,
        forwarded: `for=203.0.113.${forged}`,
      },
    })
  t.same(await statuses(5, me), [401, 401, 401, 401, 429])
})

t.test('without TRUSTED_PROXIES a forged X-Forwarded-For does not escape the lockout either', async (t) => {
  const { email } = await direct.signUp()
  let forged = 0
  const signIn = (): Promise<Answer> =>
    direct.api('POST', '/login', {
      headers: from(`203.0.113.${++forged}`),
      body: { email, password: 'a wrong password' },
    })
  t.same(await statuses(6, signIn), [401, 401, 401, 401, 401, 429])
})

t.test('IPv6 · one /64 is one client, in whatever spelling; the next /64 is another', async (t) => {
  const headers = { 'project-id': (await proxied.project(tight)).id }
  const spellings = [
    '2001:db8:1:2::1',
    '2001:0db8:0001:0002:ffff:ffff:ffff:ffff',
    '2001:DB8:1:2:0:0:0:abcd',
    '2001:db8:1:2::192.0.2.1',
  ]
  const me = (address: string) => proxied.api('GET', '/me', { headers: { ...headers, ...from(address) } })
  for (const address of spellings) t.equal((await me(address)).status, 401, address)
  isProblem(t, await me('2001:db8:1:2::5'), 'rate_limited')
  t.equal((await me('2001:db8:1:3::1')).status, 401)
})

t.test('IPv6 · an IPv4 address in its mapped form is that IPv4 address', async (t) => {
  const headers = { 'project-id': (await proxied.project(tight)).id }
  const me = (address: string) => proxied.api('GET', '/me', { headers: { ...headers, ...from(address) } })
  for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207', '192.0.2.7'])
    t.equal((await me(address)).status, 401, address)
  isProblem(t, await me('::FFFF:192.0.2.7'), 'rate_limited')
  t.equal((await me('::ffff:192.0.2.8')).status, 401, 'and its neighbour another')
})

t.test('IPv6 · the lockout counts a /64 as one, too', async (t) => {
  const { email } = await proxied.signUp()
  let host = 0
  const signIn = (): Promise<Answer> =>
    proxied.api('POST', '/login', {
      headers: from(`2001:db8:f:f::${++host}`),
      body: { email, password: 'a wrong password' },
    })
  t.same(await statuses(6, signIn), [401, 401, 401, 401, 401, 429])
})

t.test('an X-Forwarded-For that names no address breaks nothing', async (t) => {
  const garbage = [
    '',
    'x',
    'unknown',
    '_hidden',
    '999.999.999.999',
    '1.2.3.4:5678',
    '[2001:db8::1]:80',
    '::1%eth0',
    ',,,',
    'x'.repeat(5000),
  ]
  for (const value of garbage) {
    const answer = await proxied.api('GET', '/me', { headers: from(value) })
    isProblem(t, answer, 'unauthenticated')
    const { email, password } = await proxied.signUp()
    const signIn = await proxied.api('POST', '/login', { headers: from(value), body: { email, password } })
    t.equal(signIn.status, 200, value)
  }
  const twice = ['x-forwarded-for: 203.0.113.50', 'x-forwarded-for: 203.0.113.51']
  const lines = [`project-id: ${proxied.projectId}`, ...twice]
  isProblem(t, await sendRaw(proxied.url, rawRequest('GET /api/auth/me', lines)), 'unauthenticated')
})

t.test('policy · the default is thirty credentials in fifteen minutes, ten mails in an hour', async (t) => {
  const { projectId } = direct
  await direct.sql`update projects set policy = policy - 'limits' where id = ${projectId}`
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const limits = async (path: string, body: unknown): Promise<string | null> =>
    (await direct.api('POST', path, { body } as { body: unknown; headers?: Headers })).headers.get(
      'ratelimit-policy',
    )
  t.equal(await limits('/verify-email/confirm', { token: 'x' }), '"credential";q=30;w=900')
  t.equal(await limits('/verify-email/resend', { email: 'default@example.com' }), '"mail";q=10;w=3600')
  t.equal(await limits('/logout', {}), '"read";q=600;w=60')
})
