// The clock of the service's machine is stepped while it runs: lifetimes, lockouts and limits go on by the database's
// time and by elapsed time, so nobody is signed out and nothing that has expired comes back.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { refreshKey } from '../../src/crypto/refresh-secret.ts'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { startClock } from '../../src/database/clock.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { openSigningKeys } from '../../src/domain/signing-keys/signing-keys.ts'
import { createTokens } from '../../src/http/tokens.ts'
import { testSecretKey, wideLimits } from '../support/app.ts'
import { createDatabase, storesOn } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { ask, startService, temporaryDataDir } from '../support/service.ts'

/** Where Debian's libfaketime lies, which gives one process another clock; null: not installed. */
function faketime(): string | null {
  const folders = existsSync('/usr/lib')
    ? readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime'))
    : []
  return folders.map((folder) => join(folder, 'libfaketimeMT.so.1')).find((file) => existsSync(file)) ?? null
}
const library = faketime()
const secrets = (use: string) => deriveKey(Buffer.from(testSecretKey), use)
const password = 'a good long password'

t.test(
  'a clock that is stepped by an hour or a day, forward or back, is noticed by nobody',
  library ? {} : { skip: 'libfaketime is not installed' },
  async (t) => {
    const databaseUrl = await createDatabase(t)
    const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} })
    t.teardown(() => sql.end())
    const stores = storesOn(sql)
    const { project } = await createProject({ stores }, 'Wide', wideLimits)
    const wide = { 'project-id': project.id }
    const narrow = { limits: { read: { max: 4, window_seconds: 600 } } }
    const tight = { 'project-id': (await createProject({ stores }, 'Tight', narrow)).project.id }

    const dataDir = await temporaryDataDir(t)
    const step = join(dataDir, 'step')
    const publicUrl = 'https://auth.example.com'
    writeFileSync(step, '+0\n')
    const service = await startService(t, {
      dataDir,
      env: {
        DATABASE_URL: databaseUrl,
        SECRET_KEY: testSecretKey,
        PUBLIC_URL: publicUrl,
        LD_PRELOAD: library ?? '',
        FAKETIME_TIMESTAMP_FILE: step,
        FAKETIME_NO_CACHE: '1',
        // What a step of a clock is: elapsed time goes on.
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    })
    const send = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
      ask(service, method, path, { headers, body })
    /** How far the service's clock is from ours, in hours. */
    const hours = async () => {
      const { headers } = await fetch(`${service.url}/health/live`)
      return Math.round((Date.parse(headers.get('date') ?? '') - Date.now()) / 3_600_000)
    }

    const email = 'ada@example.com'
    const signedUp = await send('POST', '/signup', wide, { email, password })
    t.equal(signedUp?.status, 201)
    const fresh = { ...wide, authorization: `Bearer ${signedUp?.body.access_token}` }
    let refreshToken: string = signedUp?.body.refresh_token

    // Tokens of that living session as the service would have printed them before, by its own keys.
    const keys = await openSigningKeys({ stores, keys: { sealing: [secrets('seal')] } })
    const tokens = await createTokens(keys, {
      publicUrl,
      refreshKey: refreshKey(secrets('refresh')),
      now: Date.now,
    })
    const [row] = await sql`select id, user_id from sessions`
    const [user] = await sql`select * from users`
    const tokenUntil = (seconds: number) =>
      tokens.printAccess(project, {
        user: { ...user, uuid: signedUp?.body.user.uuid } as never,
        sessionId: row?.id,
        generation: 1,
        client: 'canonical',
        amr: ['pwd'],
        acr: '1',
        authTime: new Date(Date.now() - 900_000),
        accessSeconds: 900 + seconds,
        issuedAt: new Date(Date.now() - 900_000),
        accessExpiresAt: new Date(Date.now() + seconds * 1000),
        refreshExpiresAt: new Date(Date.now() + 86_400_000),
      })
    const expired = { ...wide, authorization: `Bearer ${tokenUntil(-60)}` }
    const living = { ...wide, authorization: `Bearer ${tokenUntil(600)}` }

    // Grace is locked out, and the tight project's budget of this address is used up.
    const grace = { email: 'grace@example.com', password: 'a wrong password' }
    for (let i = 0; i < 5; i++) t.equal((await send('POST', '/login', wide, grace))?.status, 401)
    for (let i = 0; i < 4; i++) t.equal((await send('GET', '/me', tight))?.status, 401)

    for (const [moved, by] of [
      ['+0', 0],
      ['+1h', 1],
      ['-1h', -1],
      ['+1d', 24],
      ['-1d', -24],
      ['+0', 0],
    ] as const) {
      writeFileSync(step, `${moved}\n`)
      // Node keeps the text of its Date header for up to a second.
      await eventually(`the service believes ${moved}`, async () => (await hours()) === by)
      t.equal((await send('GET', '/me', fresh))?.status, 200, 'a token that lives is taken')
      t.equal((await send('GET', '/me', living))?.status, 200, 'also one that was not seen before')
      t.equal((await send('GET', '/me', expired))?.status, 401, 'one that has expired is refused')
      const refreshed = await send('POST', '/refresh', wide, { refresh_token: refreshToken })
      t.equal(refreshed?.status, 200, 'a session goes on')
      refreshToken = refreshed?.body.refresh_token
      const next = { ...wide, authorization: `Bearer ${refreshed?.body.access_token}` }
      t.equal((await send('GET', '/me', next))?.status, 200, 'and its newest token is taken')
      t.equal(refreshed?.body.expires_in, signedUp?.body.expires_in, 'for as long as ever')
      const locked = await send('POST', '/login', wide, grace)
      t.equal(locked?.status, 429, 'a lockout holds')
      t.ok(locked?.body.retry_after <= 60, 'and is not longer', { seconds: locked?.body.retry_after })
      const limited = await send('GET', '/me', tight)
      t.equal(limited?.status, 429, 'a limit holds')
      t.ok(limited?.body.retry_after <= 600, 'and is not longer', { seconds: limited?.body.retry_after })
    }
    t.equal((await service.stop()).code, 0)
  },
)

t.test(
  'a database whose own clock is moved is followed, and one that is away is not waited for',
  async (t) => {
    let said = 1_800_000_000_000
    let away = false
    const asked = async () => {
      if (away) throw new Error('away')
      return [{ ms: said }]
    }
    const clock = await startClock(asked as never)
    t.teardown(() => clock.stop())
    const isAbout = (wanted: number) => t.ok(Math.abs(clock.now() - wanted) < 60_000, { now: clock.now() })
    isAbout(said)
    said += 3_600_000
    isAbout(said - 3_600_000)
    await clock.set()
    isAbout(said)
    away = true
    await t.rejects(clock.set())
    isAbout(said)
  },
)
