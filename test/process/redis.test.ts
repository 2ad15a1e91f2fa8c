// Limits that all instances count together in Redis, and what holds while it is away.
import { Redis } from 'ioredis'
import t from 'tap'
import { type Answer, startTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { readExposition, total } from '../support/exposition.ts'
import { needs, startRedis } from '../support/external-servers.ts'
import { startProxy } from '../support/proxy.ts'

const limits = (max: number) => ({ limits: { read: { max, window_seconds: 600 } } })
/** What the log says of Redis. */
const said = (app: TestApp) =>
  app.logs.map(({ msg }) => String(msg)).filter((line) => /Redis/.test(line) && !/request/.test(line))
const left = (answer: Answer) => Number(/r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1] ?? -1)
const metricsToken = 'a-token-to-read-metrics'
/** What the metrics say of Redis. */
const counting = async (app: TestApp) => {
  const answer = await app.send('GET', '/metrics', { headers: { authorization: `Bearer ${metricsToken}` } })
  return total(readExposition(answer.body), 'sallyport_redis_counting')
}

t.test(
  'requests are counted for all instances together, and by each while Redis is away',
  needs('redis-server'),
  async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(`redis://127.0.0.1:${redis.port}`)
    t.teardown(() => proxy.close())
    const env = {
      REDIS_URL: `redis://127.0.0.1:${proxy.port}/3`,
      PUBLIC_URL: 'https://auth.example.com',
      METRICS_TOKEN: metricsToken,
    }
    const one = await startTestApp(t, { env })
    const two = await startTestApp(t, { env, databaseUrl: one.databaseUrl })
    const me = (app: TestApp, project: string) =>
      app.api('GET', '/me', { headers: { 'project-id': project, 'x-forwarded-for': '203.0.113.9' } })
    const project = async (max: number) => (await one.project(limits(max))).id

    /** Where this machine was too slow for Redis for a moment, instances counted apart: then once more. */
    const together = (what: string, check: () => Promise<boolean>) =>
      eventually(what, async () => {
        for (const app of [one, two])
          if (!/^Limits are counted/.test(said(app).at(-1) ?? '')) throw new Error(said(app).at(-1))
        return check()
      })

    await t.test('two instances share one count, each project and class its own', async (t) => {
      await together('a shared count', async () => {
        const tight = await project(5)
        const found = []
        for (let turn = 0; turn < 6; turn++) found.push((await me(turn % 2 ? one : two, tight)).status)
        if (found.join() !== '401,401,401,401,401,429') throw new Error(found.join())
        const refused = await me(one, tight)
        t.ok(refused.body.retry_after > 500 && refused.body.retry_after <= 600, 'with the time to wait')
        t.equal(left(await me(one, await project(5))), 4, 'another project is not touched')
        const login = await two.api('POST', '/login', {
          headers: { 'project-id': tight },
          body: { email: 'nobody@example.com', password: 'a good long password' },
        })
        t.equal(login.status, 401, 'nor another class')
        return true
      })
    })

    await t.test('Redis holds no address and no project, under a prefix of this installation', async (t) => {
      const client = new Redis(redis.port, { db: 3 })
      const keys = await client.keys('*')
      const ttls = await Promise.all(keys.map((key) => client.pttl(key)))
      client.disconnect()
      t.ok(keys.length >= 3)
      for (const key of keys) t.match(key, /^sallyport:[0-9a-f]{8}:(?:look|[\w-]*[\w-]{22})$/)
      t.notMatch(keys.join(' '), /127\.0\.0|203\.0\.113|[0-9a-f]{8}-[0-9a-f]{4}/)
      t.ok(
        ttls.every((ttl) => ttl !== -1),
        'and each goes by itself',
      )
    })

    for (const [how, away, back] of [
      ['killed', () => redis.kill(), () => redis.start()],
      ['hanging', async () => proxy.stall(), () => proxy.restore()],
    ] as const)
      await t.test(
        `${how}: each instance goes on by itself, knows what it counted, and says so once`,
        async (t) => {
          const tight = await project(8)
          await together('a Redis to lose', async () => true)
          for (let turn = 0; turn < 3; turn++) await me(one, tight)
          const before = said(one).length
          await eventually('it is counting', async () => (await counting(one)) === 1)
          await away()
          const crowd = await Promise.all(Array.from({ length: 5 }, () => me(one, tight)))
          t.same(
            crowd.map(({ status }) => status),
            [401, 401, 401, 401, 401],
            'nobody is refused because of it',
          )
          t.equal((await me(one, tight)).status, 429, 'the three before count')
          t.equal((await me(two, tight)).status, 401, 'and the other instance has its own count now')
          t.equal((await one.send('GET', '/health/ready')).status, 200)
          await eventually('the other one noticed', async () => /away/.test(said(two).at(-1) ?? ''))
          // More than one look later it has been said once.
          await new Promise((resolve) => setTimeout(resolve, 2500))
          t.match(said(one).slice(before), [/^Redis is away/])
          t.equal(await counting(one), 0)
          await back()
          for (const app of [one, two])
            await eventually('Redis counts again', async () =>
              /^Limits are counted/.test(said(app).at(-1) ?? ''),
            )
          t.match(
            said(one).slice(before, before + 2),
            [/away/, /^Limits are counted/],
            'and once that it is back',
          )
          await together('a shared count', async () => {
            const shared = await project(2)
            return left(await me(one, shared)) === 1 && left(await me(two, shared)) === 0
          })
        },
      )
  },
)

t.test(
  'a Redis that refuses the password: the service starts, says why, and repeats no secret',
  needs('redis-server'),
  async (t) => {
    const redis = await startRedis(t, '--requirepass', 'the right one')
    const app = await startTestApp(t, {
      policy: limits(3),
      env: { REDIS_URL: `redis://:hunter2@127.0.0.1:${redis.port}` },
    })
    const found = []
    for (let turn = 0; turn < 4; turn++) found.push((await app.api('GET', '/me')).status)
    t.same(found, [401, 401, 401, 429], 'limits hold')
    t.match(said(app), [/^Redis is away/])
    t.match(app.logs.find(({ msg }) => /^Redis is away/.test(String(msg)))?.reason, /WRONGPASS/)
    t.notMatch(JSON.stringify(app.logs), 'hunter2')
  },
)
