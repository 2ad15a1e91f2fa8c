// Reads from a real standby: activity may be some seconds old, an export never is, and without it the primary answers.
import { execFile } from 'node:child_process'
import { appendFile, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import t from 'tap'
import { startEmbedded } from '../../src/database/embedded/embedded.ts'
import { bearer, startTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { readExposition, total } from '../support/exposition.ts'
import { startProxy } from '../support/proxy.ts'

const settings = { fsync: 'off', wal_level: 'replica', max_wal_senders: '3' }

/** A primary of its own and a standby that streams from it, made as PostgreSQL's manual makes one by hand (25.3.2). */
async function startPair(t: { teardown(work: () => unknown): void }) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-replica-'))
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const [first, second] = [join(folder, 'primary'), join(folder, 'standby')]
  const primary = await startEmbedded({ dataDir: first, settings })
  t.teardown(() => primary.stop())
  await appendFile(join(first, 'postgres/pg_hba.conf'), 'host replication all 127.0.0.1/32 scram-sha-256\n')
  const { username, password } = new URL(primary.url)
  const admin = postgres(primary.url, { max: 1, onnotice: () => {} })
  await admin`select pg_reload_conf()`
  await admin`select pg_backup_start('standby', true)`
  await mkdir(second)
  await promisify(execFile)('cp', ['-pR', join(first, 'postgres'), join(first, 'postgres.password'), second])
  const [label] = await admin`select labelfile from pg_backup_stop(false)`
  await admin.end()
  const cluster = join(second, 'postgres')
  await rm(join(cluster, 'postmaster.pid'))
  const { uid, gid } = await stat(cluster)
  for (const [name, text] of [
    ['backup_label', String(label?.labelfile)],
    ['standby.signal', ''],
  ] as const) {
    await writeFile(join(cluster, name), text)
    // Whoever runs the server must be able to put it away.
    await chown(join(cluster, name), uid, gid)
  }
  const source = `host=127.0.0.1 port=${primary.port} user=${username} password=${password}`
  const standby = await startEmbedded({
    dataDir: second,
    settings: { ...settings, primary_conninfo: source },
  })
  t.teardown(() => standby.stop())
  return { primary, standby }
}

const isOfReplica = (line: string) =>
  /^(?:The replica is passed over|Activity and exports are read)/.test(line)
const said = (app: TestApp) => app.logs.filter(({ msg }) => isOfReplica(String(msg)))
/** Waits until the last thing that was said is this. */
const says = (app: TestApp, what: RegExp) =>
  eventually(String(what), async () => what.test(String(said(app).at(-1)?.msg)))
/** What the metrics say of it. */
const readFrom = async (app: TestApp) =>
  total(readExposition((await app.send('GET', '/metrics')).body), 'sallyport_standby_read')

t.test('a real standby', async (t) => {
  const { primary, standby } = await startPair(t)
  const proxy = await startProxy(standby.url)
  t.teardown(() => proxy.close())
  const replay = postgres(standby.url, { max: 1, onnotice: () => {} })
  t.teardown(() => replay.end())
  const env = { DATABASE_READ_URL: proxy.through(standby.url) }
  const app = await startTestApp(t, { databaseUrl: primary.url, env })
  await says(app, /^Activity and exports are read from the replica/)
  const user = await app.signUp()
  const headers = bearer(user)
  const events = async (path: string): Promise<string[]> => {
    const { status, body } = await app.api('GET', path, { headers })
    t.equal(status, 200)
    return (body.data ?? body.activity).map(({ event }: { event: string }) => event)
  }
  await eventually('the standby has it', async () => (await events('/me/activity')).length > 0)

  await t.test('activity is read from it, also where it lags; an export has everything', async (t) => {
    await eventually(
      'a lagging standby was asked',
      async () => {
        await replay`select pg_wal_replay_pause()`
        const before = await events('/me/activity')
        const exports = before.filter((event) => event === 'data_exported').length
        const ofPrimary = () =>
          app.sql`select 1 from audit_events where event = 'data_exported'`.then((rows) => rows.length)
        t.equal((await app.api('POST', '/sessions/revoke-others', { headers })).status, 200)
        const body = await events('/me/export')
        t.equal(body[0], 'data_exported', 'an export holds itself')
        t.equal(body.filter((event) => event === 'data_exported').length, await ofPrimary())
        const late = await events('/me/activity')
        const wasLate = late.filter((event) => event === 'data_exported').length === exports
        if (wasLate) return true
        // This machine was so slow that it has been passed over already.
        await replay`select pg_wal_replay_resume()`
        await says(app, /^Activity and exports are read/)
        return false
      },
      30_000,
    )
    await says(app, /^The replica is passed over/)
    t.match(said(app).at(-1)?.reason, /too far behind/)
    t.equal((await events('/me/activity'))[0], 'data_exported', 'then the primary is asked')
    await replay`select pg_wal_replay_resume()`
    await says(app, /^Activity and exports are read/)
  })

  for (const [how, away] of [
    ['gone', () => proxy.refuse()],
    ['hanging', async () => proxy.stall()],
  ] as const)
    await t.test(
      `${how}: the primary answers, it is said once, and reading goes on when it is back`,
      async (t) => {
        const before = said(app).length
        await eventually('a standby to lose', async () => (await readFrom(app)) === 1)
        await away()
        t.ok((await events('/me/activity')).length > 0)
        t.equal((await events('/me/export'))[0], 'data_exported')
        await says(app, /^The replica is passed over/)
        t.equal(await readFrom(app), 0)
        t.equal((await app.send('GET', '/health/ready')).status, 200)
        // A look later it has still been said once.
        if (how === 'gone') await new Promise((resolve) => setTimeout(resolve, 2500))
        t.equal(said(app).length, before + 1)
        await proxy.restore()
        await says(app, /^Activity and exports are read/)
      },
    )
})

t.test('a server that is no standby is never read from', async (t) => {
  const first = await startTestApp(t)
  const app = await startTestApp(t, {
    databaseUrl: first.databaseUrl,
    env: { DATABASE_READ_URL: first.databaseUrl },
  })
  t.match(said(app), [{ level: 'warn', reason: 'it is no standby of the database' }])
  const user = await app.signUp()
  t.equal((await app.api('GET', '/me/activity', { headers: bearer(user) })).body.data.length, 1)
})
