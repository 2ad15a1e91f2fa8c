// GET /metrics: what is counted adds up, nothing in it names anybody, it stays small, and strangers do not read it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { definitions } from '../../src/observability/metric-definitions.ts'
import { packageRoot } from '../../src/package.ts'
import { bearer, freePort, startTestApp, type TestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type Family, readExposition, total } from '../support/exposition.ts'
import { startProxy } from '../support/proxy.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const requests = 'sallyport_http_requests_total'
const times = 'sallyport_http_request_duration_seconds'

async function scrape(app: TestApp): Promise<{ text: string; families: Map<string, Family> }> {
  const { status, headers, body } = await app.send('GET', '/metrics')
  if (status !== 200) throw new Error(`${status}`)
  if (headers.get('content-type') !== 'text/plain; version=0.0.4; charset=utf-8')
    throw new Error(`${headers.get('content-type')}`)
  return { text: body, families: readExposition(body) }
}

t.test('what is counted is what was asked, in every contract, and nothing names anybody', async (t) => {
  const databaseUrl = await createDatabase(t)
  const app = await startTestApp(t, {
    databaseUrl,
    // Neighbours that are of no use: no standby, and nobody at all.
    env: { DATABASE_READ_URL: databaseUrl, REDIS_URL: `redis://127.0.0.1:${await freePort()}` },
    policy: { limits: { mail: { max: 1, window_seconds: 900 } } },
  })
  const before = await scrape(app)
  const beforeAll = total(before.families, requests)

  const user = await app.signUp()
  const login = { email: user.email, password: user.password }
  const signedIn = await app.api('POST', '/login', { body: login })
  for (let n = 0; n < 5; n++) await app.api('GET', '/me', { headers: bearer(signedIn) })
  await app.api('POST', '/login', { body: { ...login, password: 'a wrong password' } })
  await app.send('POST', '/nora/auth/login', { body: login })
  await app.send('POST', '/nora/auth/login', { body: { ...login, password: 'another wrong one' } })
  const refresh = (token: string) => app.api('POST', '/refresh', { body: { refresh_token: token } })
  const age = () => app.sql`update sessions set rotated_at = rotated_at - interval '5 minutes',
    recovered_at = recovered_at - interval '5 minutes'`
  const first = signedIn.body.refresh_token
  await refresh(first)
  const replayed = await refresh(first)
  await age()
  const recovered = await refresh(first)
  await app.api('GET', '/me', { headers: bearer(recovered) })
  await age()
  await refresh(first)
  await refresh(replayed.body.refresh_token)
  await app.api('POST', '/logout', { headers: bearer(user) })
  for (let n = 0; n < 2; n++) await app.api('POST', '/forgot-password', { body: { email: user.email } })
  const made = 19

  const { text, families } = await scrape(app)
  const value = (name: string, labels = {}, part = '') =>
    total(families, name, labels, part) - total(before.families, name, labels, part)
  const me = { method: 'GET', route: '/api/auth/me' }
  t.equal(value(requests, { ...me, status: '200' }), 6)
  t.equal(value(times, me, '_count'), 6)
  t.equal(value(requests, { route: '/api/auth/login', status: '200' }), 1)
  t.equal(value(requests, { route: '/api/auth/login', status: '401' }), 1)
  t.equal(value(requests, { route: '/nora/auth/login' }), 2, "a contract's routes as well")
  // The scrape before, which is in no scrape of its own, is in this one.
  t.equal(total(families, requests) - beforeAll, made + 1, 'no request is missing and none counts twice')
  t.equal(value(times, {}, '_count'), made + 1)

  t.equal(value('sallyport_sign_ins_total', { method: 'password', outcome: 'ok' }), 2)
  t.equal(value('sallyport_sign_ins_total', { method: 'password', outcome: 'wrong' }), 2)
  for (const outcome of ['rotated', 'replayed', 'recovered', 'reused', 'refused'])
    t.equal(value('sallyport_refreshes_total', { outcome }), 1, outcome)
  t.equal(value('sallyport_account_events_total', { event: 'refresh_reused' }), 1)
  t.equal(value('sallyport_limit_refusals_total', { class: 'mail' }), 1)
  t.equal(value('sallyport_account_events_total', { event: 'signed_out' }), 1)
  t.equal(value('sallyport_account_events_total', { event: 'signed_up' }), 1)
  t.equal(value('sallyport_account_events_total', { event: 'signed_in' }), 2)
  t.ok(total(families, 'sallyport_database_connections', { state: 'open' }) > 0)
  t.equal(total(families, 'sallyport_database_up'), 1)
  for (const neighbour of ['standby_read', 'redis_counting'])
    t.equal(families.get(`sallyport_${neighbour}`)?.samples[0]?.value, 0, neighbour)
  const asked = (outcome: string) => value('sallyport_cache_requests_total', { cache: 'sessions', outcome })
  t.ok(asked('hit') + asked('miss') >= 7, 'everybody who was recognised was looked for')
  t.equal(value('sallyport_hash_wait_seconds', {}, '_count'), 5, 'one hash for each password')
  t.ok(total(families, 'sallyport_hash_capacity') > 0)
  t.ok(families.has('nodejs_eventloop_lag_p99_seconds'))
  t.ok(families.has('process_resident_memory_bytes'))

  for (const definition of Object.values(definitions)) {
    const family = families.get(definition.name)
    t.ok(family, definition.name)
    t.equal(family?.type, definition.type, definition.name)
    for (const { labels } of family?.samples ?? [])
      for (const [name, value] of Object.entries(labels)) {
        if (name === 'le') continue
        t.ok(name in definition.labels, `${definition.name}: the label ${name}`)
        const known = definition.labels[name]
        if (known) t.ok(known.includes(value), `${definition.name}: ${name}=${value}`)
      }
  }
  const shown = readFileSync(join(packageRoot, 'docs/grafana-dashboard.json'), 'utf8')
  const names = new Set(shown.match(/\b(?:sallyport|process|nodejs)_[a-z0-9_]+/g))
  t.ok(names.size > 20, `${names.size} names in the dashboard`)
  const series = new Set([...families.values()].flatMap(({ samples }) => samples.map(({ name }) => name)))
  t.same(
    [...names].filter((name) => !series.has(name)),
    [],
    'every metric of the dashboard is in the scrape',
  )
  for (const { name } of Object.values(definitions)) t.ok(shown.includes(name), `${name} is in the dashboard`)

  for (const secret of [
    user.email,
    app.projectId,
    app.projectSecret,
    signedIn.body.user.uuid,
    signedIn.body.access_token,
    signedIn.body.refresh_token,
  ])
    t.notOk(text.includes(secret), 'nothing of anybody is in it')
  t.notMatch(text, /@|[0-9a-f]{8}-[0-9a-f]{4}-|uak_|eyJ/, 'nor anything that looks like it')
})

t.test('a thousand paths, methods and malformed requests make no series of their own', async (t) => {
  const app = await startTestApp(t)
  const before = await scrape(app)
  const series = (families: Map<string, Family>) =>
    [...families.values()].reduce((sum, { samples }) => sum + samples.length, 0)
  const ask = (n: number) => {
    const id = crypto.randomUUID()
    const path = [
      `/api/auth/sessions/${id}`,
      `/no/such/${id}`,
      `/problems/${id}`,
      `/nora/auth/${id}`,
      `/api/auth/avatars/${id}?token=${id}`,
    ][n % 5]
    return fetch(`${app.url}${path}`, { method: ['GET', 'DELETE', 'PROPFIND'][n % 3] ?? 'GET' })
  }
  for (let n = 0; n < 1000; n += 50)
    await Promise.all(Array.from({ length: 50 }, async (_, at) => (await ask(n + at)).arrayBuffer()))
  await sendRaw(app.url, 'no HTTP at all\r\n\r\n')
  await sendRaw(app.url, rawRequest('GET /%ff', []))
  await sendRaw(app.url, rawRequest('GET /nora/%ff', []))
  const { families } = await scrape(app)
  t.equal(
    total(families, requests) - total(before.families, requests),
    1004,
    'each of them counted once, those that nobody could read as well',
  )
  const grown = series(families) - series(before.families)
  t.ok(grown < 300, `${grown} series more`)
})

t.test('without a token it is for this machine, and for nobody who comes through a proxy', async (t) => {
  const app = await startTestApp(t)
  const ask = async (headers: string[], version = '1.1') => {
    const request = rawRequest('GET /metrics', headers).replace('HTTP/1.1', `HTTP/${version}`)
    return (await sendRaw(app.url, request)).status
  }
  t.equal(await ask([]), 200)
  for (const header of [
    'x-forwarded-for: 203.0.113.7',
    'X-Forwarded-Proto: https',
    'forwarded: for=203.0.113.7',
    'via: 1.1 proxy',
    'x-real-ip: 10.0.0.1',
  ])
    t.equal(await ask([header]), 404, header)
  t.equal(await ask([], '1.0'), 404, 'nginx, which adds no header by itself')
  const named = rawRequest('GET /metrics', []).replace('host: 127.0.0.1', 'host: auth.example.com')
  t.equal((await sendRaw(app.url, named)).status, 404, 'a proxy that keeps the name, or a rebound one')
  t.equal(app.logs.filter(({ msg }) => /METRICS_TOKEN/.test(String(msg))).length, 1, 'the log says so, once')
})

t.test(
  'a public URL that others reach: without a token nobody reads it, whatever their proxy adds',
  async (t) => {
    for (const PUBLIC_URL of [
      'https://auth.example.com',
      'http://10.0.0.5:3000',
      'https://localhost.example.com',
    ]) {
      const app = await startTestApp(t, { env: { PUBLIC_URL } })
      for (const headers of [{}, { host: 'localhost' }, { authorization: 'Bearer x' }] as Record<
        string,
        string
      >[])
        t.equal((await app.send('GET', '/metrics', { headers })).status, 404, PUBLIC_URL)
      await app.close()
    }
  },
)

t.test('with a token it is for who presents it, from anywhere', async (t) => {
  const token = 'a-token-for-the-scraper-0123456789'
  const app = await startTestApp(t, { env: { METRICS_TOKEN: token } })
  const ask = async (headers: Record<string, string>) =>
    (await app.send('GET', '/metrics', { headers })).status
  t.equal(await ask({ authorization: `Bearer ${token}` }), 200)
  t.equal(await ask({ authorization: `Bearer ${token}`, 'x-forwarded-for': '203.0.113.7' }), 200)
  for (const wrong of [
    {},
    { authorization: `Bearer ${token}x` },
    { authorization: `Bearer ${token.slice(1)}` },
  ])
    t.equal(await ask(wrong), 401)
  t.notOk(JSON.stringify(app.logs).includes(token))
})

t.test('a database that is away is missing from the scrape and does not fail it', async (t) => {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const app = await startTestApp(t, { databaseUrl, env: { DATABASE_URL: proxy.through(databaseUrl) } })
  const up = (state: 0 | 1) =>
    eventually(`database_up ${state}`, async () => {
      const { families } = await scrape(app)
      return total(families, 'sallyport_database_up') === state ? families : null
    })
  await up(1)
  await proxy.refuse()
  const away = await up(0)
  t.same(away?.get('sallyport_mails_owed')?.samples, [], 'of the mail nothing is known')
  t.ok(away && total(away, requests) > 0, 'but all else is')
  await proxy.restore()
  const back = await up(1)
  t.equal(back?.get('sallyport_mails_owed')?.samples.length, 1)
  for (const neighbour of ['standby_read', 'redis_counting'])
    t.same(back?.get(`sallyport_${neighbour}`)?.samples, [], `${neighbour}: none is configured`)
})
