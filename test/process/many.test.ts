// compose.yaml's profile `many` as far as a machine without containers goes: its nginx and PgBouncer with the very
// configurations that stand there, Redis, and processes of the service, one of which dies.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { freePort, testSecretKey } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { composeConfig, needs, startNginx, startPgBouncer, startRedis } from '../support/external-servers.ts'
import { ask, startService, temporaryDataDir } from '../support/service.ts'

const compose = readFileSync(join(packageRoot, 'compose.yaml'), 'utf8')
const password = 'a good long password'

t.test(
  'two processes behind nginx, PgBouncer and Redis are one service, and one of them may die',
  needs('nginx', 'pgbouncer', 'redis-server'),
  async (t) => {
    const direct = await createDatabase(t)
    const asWritten = composeConfig(compose, 'pgbouncer')
    const [pooler, redis] = await Promise.all([
      startPgBouncer(t, direct, asWritten.replace('dbname=sallyport', '')),
      startRedis(t),
    ])
    const ports = [await freePort(), await freePort()]
    const nginx = await startNginx(
      t,
      composeConfig(compose, 'nginx')
        .replace('one:3000', `127.0.0.1:${ports[0]}`)
        .replace('two:3000', `127.0.0.1:${ports[1]}`)
        .replace(/ *server three.*\n/, ''),
    )
    const url = `http://127.0.0.1:${nginx.port}`
    const env = {
      DATABASE_URL: pooler.through(direct),
      DATABASE_POOLER: 'transaction',
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      SECRET_KEY: testSecretKey,
      PUBLIC_URL: url,
      TRUSTED_PROXIES: '127.0.0.1',
    }
    const services = await Promise.all(
      ports.map(async (port) => startService(t, { dataDir: await temporaryDataDir(t), port, env })),
    )
    const [one, two] = services
    if (!one || !two) throw new Error('Two were started.')
    for (const service of services) {
      t.match(service.stdout(), 'Limits are counted in Redis')
      t.notMatch(service.stdout(), /may run for ever/, 'PgBouncer gives statements their limit')
    }
    const api = (method: string, path: string, options = {}) => ask({ url }, method, path, options)
    const body = { email: 'ada@example.com', password }
    const signedUp = await api('POST', '/signup', { body })
    t.equal(signedUp?.status, 201)
    const bearer = { headers: { authorization: `Bearer ${signedUp?.body.access_token}` } }
    const signedIn = await api('POST', '/login', { body, headers: { 'session-transport': 'cookie' } })
    const cookie = {
      headers: {
        cookie: (signedIn?.headers.getSetCookie() ?? []).map((line) => line.split(';')[0]).join('; '),
      },
    }

    const seen = async (how: object) => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => api('GET', '/me', how)))
      return answers.map((answer) => answer?.status).filter((status) => status !== 200)
    }
    t.same(await seen(bearer), [], 'by bearer, whichever process answers')
    t.same(await seen(cookie), [], 'by cookie')
    const left = async () => {
      const answer = await api('GET', '/me', bearer)
      return Number(/r=(\d+)/.exec(answer?.headers.get('ratelimit') ?? '')?.[1])
    }
    const counts = [await left(), await left(), await left(), await left()]
    t.ok(
      counts.every((count, at) => at === 0 || count < (counts[at - 1] ?? 0)),
      'with one count',
      { counts },
    )
    for (const service of services)
      t.match(service.stdout(), /"route":"?\/api\/auth\/me|\/api\/auth\/me/, 'both were asked')
    const forged = await fetch(`${url}/api/auth/me`, { headers: { 'x-forwarded-for': '203.0.113.77' } })
    t.equal(forged.status, 401)
    for (const service of services)
      t.notMatch(service.stdout(), '203.0.113.77', 'who claims an address is not believed')
    t.equal((await fetch(`${url}/metrics`)).status, 404, 'what is for the operator is not for the world')

    await one.kill()
    t.same(await seen(bearer), [], 'one is killed: nobody is refused')
    t.same(await seen(cookie), [])
    const refreshed = await api('POST', '/refresh', { body: { refresh_token: signedUp?.body.refresh_token } })
    t.equal(refreshed?.status, 200)
    const again = await startService(t, { dataDir: one.dataDir, port: one.port, env })
    await eventually('nginx asks the new one', async () => {
      // Seldom enough to stay below the project's limit for the seconds that nginx avoids whom it missed.
      await sleep(200)
      await api('GET', '/me', bearer)
      return again.stdout().includes('/api/auth/me')
    })
    t.equal((await api('POST', '/logout', cookie))?.status, 200)
    t.same((await seen(cookie)).length, 12, 'and a session that ends ends everywhere')
  },
)
