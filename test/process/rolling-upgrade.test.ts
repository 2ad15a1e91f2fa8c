// A rolling upgrade from 0.1.0 under load: instances of both versions serve one database, the migrations run beside the old ones, and
// one goes back. No request fails, and what ends a session at one version ends it at the other.
//
// The old version is the last commit of 0.1.0, from the history of the repository. Where that is not here (a shallow clone, an archive),
// this version stands for it on the migrated dump: then the test shows that instances are replaced without a failed request on the data
// of 0.1.0, and not that both versions live on one database.
import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { packageRoot } from '../../src/package.ts'
import { testSecretKey } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { writeProof } from '../support/proof.ts'
import { type Service, startService } from '../support/service.ts'

/** The last commit of version 0.1.0. */
const release = '7f349476028069c80f11d9a68cf40c1fbe836fb6'
const fixture = (name: string) => readFileSync(join(packageRoot, 'test/fixtures', name), 'utf8')
const facts: { project: string; people: { email: string; password: string }[] } = JSON.parse(
  fixture('database-0.1.0.json'),
)

/** The sources of 0.1.0 from the repository's history; null where this copy has none. */
async function checkOut(t: Test): Promise<string | null> {
  const root = await mkdtemp(join(tmpdir(), 'sallyport-0.1.0-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  try {
    const archive = execFileSync('git', ['archive', release], {
      cwd: packageRoot,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    execFileSync('tar', ['x', '-C', root], { input: archive })
  } catch {
    return null
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'))
  return root
}

async function oldDatabase(t: Test): Promise<string> {
  const url = await createDatabase(t, { template: false })
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  // The dump leaves the connection without a search_path.
  await sql.unsafe(fixture('database-0.1.0.sql'))
  await sql`update public.projects set policy = policy || ${sql.json({
    // All of them come from one address.
    lockout: { failures: 100 },
    limits: {
      credential: { max: 100_000, window_seconds: 900 },
      mail: { max: 100_000, window_seconds: 900 },
      read: { max: 1_000_000, window_seconds: 60 },
    },
  })}`
  await sql.end()
  return url
}

/** Sends each request to one of the instances that are in service, and takes one out before it stops. */
class Balancer {
  readonly #serving = new Map<Service, number>()
  requests = 0
  add(service: Service): void {
    this.#serving.set(service, 0)
  }
  pick(): Service {
    const all = [...this.#serving.keys()]
    const [service] = all.slice(this.requests++ % all.length)
    if (!service) throw new Error('No instance is in service.')
    return service
  }
  async send(method: string, path: string, { token, body }: { token?: string; body?: object } = {}) {
    const service = this.pick()
    this.#serving.set(service, (this.#serving.get(service) ?? 0) + 1)
    try {
      const response = await fetch(`${service.url}${path}`, {
        method,
        headers: {
          'project-id': facts.project,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      const text = await response.text()
      return { status: response.status, body: text ? JSON.parse(text) : {} }
    } finally {
      const left = this.#serving.get(service)
      if (left !== undefined) this.#serving.set(service, left - 1)
    }
  }
  async retire(service: Service): Promise<void> {
    const under = () => this.#serving.get(service) ?? 0
    const last = this.#serving
    const count = under()
    last.delete(service)
    // What it still answers was sent before it left.
    if (count > 0) await new Promise((resolve) => setTimeout(resolve, 1000))
    await service.stop()
  }
}

/** A person who uses the service until `stop`; notes every answer that is not the one to expect. */
async function live(balancer: Balancer, n: number, stop: AbortSignal, failures: string[]): Promise<void> {
  const password = `a good long password ${n}`
  const email = `rolling-${n}@example.com`
  const expect = async (what: string, wanted: number, sent: ReturnType<Balancer['send']>) => {
    const answer = await sent.catch((error: unknown) => ({ status: 0, body: String(error) }))
    if (answer.status !== wanted)
      failures.push(`${what}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`)
    return answer.body
  }
  const login = { email, password }
  let session = await expect('sign-up', 201, balancer.send('POST', '/api/auth/signup', { body: login }))
  for (let turn = 0; !stop.aborted; turn++) {
    const token: string = session.access_token
    const own = (method: string, path: string, body?: object) =>
      balancer.send(method, `/api/auth${path}`, { token, ...(body ? { body } : {}) })
    await expect('me', 200, own('GET', '/me'))
    await expect('sessions', 200, own('GET', '/sessions'))
    await expect('profile', 200, own('PATCH', '/profile', { display_name: `Turn ${turn}` }))
    const { refresh_token } = session
    session = await expect(
      'refresh',
      200,
      balancer.send('POST', '/api/auth/refresh', { body: { refresh_token } }),
    )
    if (turn % 3 !== 0) continue
    await expect('sign-out', 200, balancer.send('POST', '/api/auth/logout', { token: session.access_token }))
    // The other instances are told within 100 ms.
    await new Promise((resolve) => setTimeout(resolve, 250))
    await expect('me, signed out', 401, balancer.send('GET', '/api/auth/me', { token: session.access_token }))
    const wrong = { email, password: 'a wrong long password' }
    await expect('wrong password', 401, balancer.send('POST', '/api/auth/login', { body: wrong }))
    session = await expect('sign-in', 200, balancer.send('POST', '/api/auth/login', { body: login }))
  }
}

t.test('instances are replaced one by one, and one goes back: no request fails', async (t) => {
  const root = await checkOut(t)
  const databaseUrl = await oldDatabase(t)
  if (!root) {
    t.comment('The history of the repository is not here: this version stands for the old one.')
    await migrateDatabase(databaseUrl)
  }
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-rolling-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  let instances = 0
  const start = (version: 'old' | 'new') => {
    const env = {
      DATABASE_URL: databaseUrl,
      SECRET_KEY: testSecretKey,
      // Where the balancer would be: the issuer of every instance's tokens.
      PUBLIC_URL: 'http://127.0.0.1:9',
      MAIL_URL: 'capture:',
      WORKERS: '1',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      LOG_LEVEL: 'info',
    }
    const dataDir = join(folder, `${version}-${++instances}`)
    return startService(t, { dataDir, env, ...(version === 'old' && root ? { root } : {}) })
  }
  const balancer = new Balancer()
  const [first, second] = [await start('old'), await start('old')]
  balancer.add(first)
  balancer.add(second)

  const failures: string[] = []
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const people = Array.from({ length: 6 }, (_, n) => live(balancer, n, stop.signal, failures))
  /** Lets the load go on for a while, and says whether all was well. */
  const settle = async (when: string) => {
    const from = balancer.requests
    await eventually('some hundred requests', async () => balancer.requests > from + 300, 60_000)
    t.same(failures.splice(0), [], when)
  }
  await settle('two old instances')
  const third = await start('new')
  t.same(failures.splice(0), [], 'while the migrations ran')
  balancer.add(third)
  await settle('a new one beside two old ones')
  await balancer.retire(first)
  const fourth = await start('new')
  balancer.add(fourth)
  await settle('two new ones beside an old one')
  await balancer.retire(second)
  await settle('new ones alone')
  const fifth = await start('old')
  balancer.add(fifth)
  await balancer.retire(third)
  await settle('an old one is back beside a new one')
  await balancer.retire(fourth)
  await settle('back at the old version')
  for (const { email, password } of facts.people)
    t.equal(
      (await balancer.send('POST', '/api/auth/login', { body: { email, password } })).status,
      200,
      email,
    )
  stop.abort()
  await Promise.all(people)
  t.same(failures, [])
  writeProof('rolling-upgrade', 'test/process/rolling-upgrade.test.ts', {
    'old version': root ? release.slice(0, 7) : 'this one, on the dump of 0.1.0',
    requests: balancer.requests,
    failed: failures.length,
  })
  for (const service of [third, fourth])
    t.notMatch(service.stdout(), /"level":"(?:error|fatal)"/, 'the new ones had nothing to complain of')
})
