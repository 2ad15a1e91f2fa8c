// npx . doctor: real processes against what is well, and against what an operator finds broken one day.
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { propose, slotsToTry } from '../../src/doctor/calibrate.ts'
import { clockVerdict, connectionsVerdict, migrationsVerdict } from '../../src/doctor/database.ts'
import { type Finding, within } from '../../src/doctor/finding.ts'
import { diskVerdict, nodeVerdict, proxyVerdict, secretVerdict } from '../../src/doctor/installation.ts'
import { oldSystemVerdict } from '../../src/doctor/old-systems.ts'
import { outboxVerdict, webhooksVerdict } from '../../src/doctor/queues.ts'
import { freePort, startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { startSmtpSink } from '../support/smtp-sink.ts'

const app = await startTestApp(t)
const folder = t.testdir()
const secret = 'Zk3v0qT8nB6yJ1xW9cR5mP7hD2sL4gF0aQ'
const doctor = (words: readonly string[], env: Record<string, string> = {}) =>
  runCommand(['doctor', ...words], {
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: app.databaseUrl,
    SECRET_KEY: testSecretKey,
    ...env,
  })

/** What it finds, by check, and the code that it ends with. */
async function findings(env: Record<string, string> = {}, words: readonly string[] = []) {
  const { code, out, err } = await doctor(['--json', ...words], env)
  const { well, findings } = JSON.parse(out || err) as { well: boolean; findings: Finding[] }
  const of = (check: string) => findings.find((finding) => finding.check === check)
  return { code, well, findings, of }
}

t.test('a setup that is well', async (t) => {
  const { code, out, err } = await doctor([])
  t.same({ code, err }, { code: 0, err: '' })
  for (const line of out.trim().split('\n')) t.match(line, /^[✓!] [a-z ]+ {1,} \S.*[.\w]$/)
  t.match(out, /^✓ database +PostgreSQL \d+/m)
  t.match(out, /^✓ migrations +All are applied/m)
  t.match(out, /^✓ signing keys +.*all of them open/m)
  t.match(out, /^. passwords +argon2id by (@node-rs\/)?argon2, \d+ ms/m)
  t.notMatch(out, testSecretKey)
  t.same(await app.sql`select 1 from pg_stat_activity where application_name = 'sallyport-doctor'`, [])
})

t.test('what is broken is named, with what to do, and the end is 1', async (t) => {
  const sink = await startSmtpSink()
  t.teardown(() => sink.close())
  const nowhere = `127.0.0.1:${await freePort()}`
  const [away, closed, wrong, previous, taking] = await Promise.all([
    findings({ DATABASE_URL: `postgres://somebody:hush-hush@${nowhere}/nowhere` }),
    findings({
      SMTP_URL: `smtp://user:hush-hush@${nowhere}`,
      REDIS_URL: `redis://:hush-hush@${nowhere}`,
      DATABASE_READ_URL: `postgres://somebody:hush-hush@${nowhere}/nowhere`,
    }),
    findings({ SECRET_KEY: 'a secret of another installation, 12345' }),
    findings({
      SECRET_KEY: secret,
      SECRET_KEY_PREVIOUS: testSecretKey,
      PUBLIC_URL: 'https://auth.example.com',
    }),
    findings({ DATABASE_READ_URL: app.databaseUrl }),
  ])
  const served = await findings({ SMTP_URL: sink.url, PUBLIC_URL: app.url }, ['--url'])
  t.match(away.of('database'), { verdict: 'bad', says: /ECONNREFUSED.*DATABASE_URL/ })
  t.match(closed.of('mail'), { verdict: 'bad', says: /ECONNREFUSED.*SMTP_URL/ })
  t.match(closed.of('redis'), { verdict: 'bad', says: /REDIS_URL/ })
  t.match(closed.of('standby'), { verdict: 'bad', says: /ECONNREFUSED.*DATABASE_READ_URL/ })
  t.match(taking.of('standby'), { verdict: 'bad', says: /no standby.*read from the primary/ })
  t.equal(taking.code, 1)
  t.match(wrong.of('signing keys'), { verdict: 'bad', says: /SECRET_KEY_PREVIOUS/ })
  t.equal(wrong.of('secret key'), undefined, 'nothing is said against it that would keep it')
  for (const { code, well } of [away, closed, wrong]) t.same({ code, well }, { code: 1, well: false })
  for (const { findings } of [away, closed]) t.notMatch(JSON.stringify(findings), /hush-hush/)

  t.match(previous.of('signing keys'), { verdict: 'warning', says: /keys reseal/ })
  t.match(previous.of('proxies'), { verdict: 'warning', says: /TRUSTED_PROXIES/ })
  t.match(previous.of('mail'), { verdict: 'warning', says: /SMTP_URL/ })
  t.same({ code: previous.code, well: previous.well }, { code: 0, well: true })

  t.match(served.of('mail'), { verdict: 'good' })
  t.match(served.of('public url'), { verdict: 'good', says: /leads to a service that runs/ })
  t.same(sink.accepted, [], 'no mail was sent')
  t.equal(served.code, 0)
})

t.test('migrations that are missing, and those of a newer version', async (t) => {
  const [newest] = await app.sql`delete from drizzle.__drizzle_migrations
    where id = (select max(id) from drizzle.__drizzle_migrations) returning hash, created_at`
  const pending = await findings()
  t.match(pending.of('migrations'), { verdict: 'warning', says: /1 not applied yet.*npx \. migrate/ })
  t.equal(pending.code, 0)
  await app.sql`insert into drizzle.__drizzle_migrations ${app.sql([newest ?? {}])}`
  await app.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 9999999999999)`
  const foreign = await findings()
  t.match(foreign.of('migrations'), { verdict: 'bad', says: /newer Sallyport/ })
  t.equal(foreign.code, 1)
  await app.sql`delete from drizzle.__drizzle_migrations where hash = 'newer'`
})

t.test('the old system of a lazy move is asked for a password that no account has', async (t) => {
  let status = 401
  const asked: string[] = []
  const old = createServer(async (request, response) => {
    const { email } = JSON.parse((await request.toArray()).join(''))
    asked.push(`${email} ${request.headers.authorization}`)
    response.writeHead(status).end(JSON.stringify({ email }))
  })
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
  t.teardown(() => old.close())
  await app.setPolicy({
    import: {
      verify_url: `http://127.0.0.1:${(old.address() as AddressInfo).port}/`,
      verify_until: new Date(Date.now() + 86_400_000).toISOString(),
      verify_secret_env: 'IMPORT_SECRET_OLD',
      verify_private_network: true,
    },
  })
  t.teardown(() => app.setPolicy({}))
  const unset = await findings()
  t.match(unset.of('old system'), { verdict: 'bad', says: /IMPORT_SECRET_OLD is not set/ })
  const env = { IMPORT_SECRET_OLD: 'hush-hush' }
  t.match((await findings(env)).of('old system'), { verdict: 'good', says: /refuses a random password/ })
  t.match(asked, [/^sallyport-doctor-.*@example\.com Bearer hush-hush$/])
  status = 200
  const credulous = await findings(env)
  t.match(credulous.of('old system'), { verdict: 'bad', says: /takes a random password/ })
  t.equal(credulous.code, 1)
  const over = oldSystemVerdict('Test', '2026-01-01T00:00:00Z', false, { kind: 'wrong' })
  t.match(over, { verdict: 'warning', says: /ended at 2026-01-01T00:00:00Z/ })
})

t.test('a wrong configuration is told whole, and the end is 78', async (t) => {
  const env = { PORT: 'eighty', COOKIE_SECURE: 'maybe' }
  const [text, json] = await Promise.all([doctor([], env), findings(env)])
  t.equal(text.code, 78)
  t.match(text.out, /^✗ configuration +PORT must be/m)
  t.match(text.out, /^✗ configuration +COOKIE_SECURE must be/m)
  t.same({ code: json.code, well: json.well }, { code: 78, well: false })
})

t.test('the embedded database is looked at by its files while no service runs', async (t) => {
  const fresh = join(folder, 'fresh')
  const keyless = join(folder, 'keyless')
  await mkdir(join(keyless, 'postgres'), { recursive: true })
  const open = join(folder, 'open')
  await mkdir(open)
  await writeFile(join(open, 'secret-key'), secret, { mode: 0o644 })
  const none = { DATABASE_URL: '', SECRET_KEY: '' }
  const [empty, lost, readable] = await Promise.all(
    [fresh, keyless, open].map((DATA_DIR) => findings({ ...none, DATA_DIR })),
  )
  t.match(empty?.of('database'), { verdict: 'good', says: /npm start makes it/ })
  t.equal(empty?.code, 0)
  t.match(lost?.of('database'), { verdict: 'bad', says: /no secret-key/ })
  t.equal(lost?.code, 1)
  const modes = readable?.findings.filter(({ says }) => /chmod 600/.test(says))
  t.equal(modes?.length, 1)
})

t.test('verdicts', async (t) => {
  t.same(
    [0, 4.9, -4.9].map((by) => clockVerdict(by).verdict),
    ['good', 'good', 'good'],
  )
  t.match(clockVerdict(61), { verdict: 'bad', says: /61\.0 s ahead of/ })
  t.match(clockVerdict(-7), { verdict: 'bad', says: /7\.0 s behind/ })
  t.same(
    [nodeVerdict('20.8.0'), nodeVerdict('20.9.0'), nodeVerdict('23.1.0')].map((f) => f.verdict),
    ['bad', 'good', 'warning'],
  )
  t.same(
    [secret, 'x'.repeat(64), 'please change-me 0123456789 abcdef'].map((s) => secretVerdict(s).verdict),
    ['good', 'warning', 'warning'],
  )
  t.same(
    [2 ** 20, 2 ** 29, 2 ** 31].map((free) => diskVerdict('/', free).verdict),
    ['bad', 'warning', 'good'],
  )
  t.same(
    [connectionsVerdict(11, 97, 20), connectionsVerdict(11, 97, 95), connectionsVerdict(98, 97, 0)].map(
      (f) => f.verdict,
    ),
    ['good', 'warning', 'bad'],
  )
  t.equal(migrationsVerdict([], 0).verdict, 'good')
  t.equal(outboxVerdict({ owed: 3, dead: 0, oldestSeconds: 5 }).verdict, 'good')
  t.equal(outboxVerdict({ owed: 3, dead: 0, oldestSeconds: 900 }).verdict, 'warning')
  const waiting = { unordered: 0, pending: 1, dead: 0, failing: 0 }
  t.match(webhooksVerdict(waiting), { verdict: 'good', says: /^1 delivery is pending/ })
  t.match(webhooksVerdict({ ...waiting, pending: 120_009 }), {
    verdict: 'warning',
    says: /120009 deliveries/,
  })
  t.match(webhooksVerdict({ ...waiting, failing: 2 }), { verdict: 'warning', says: /^2 webhooks failed/ })
  t.match(outboxVerdict({ owed: 0, dead: 1, oldestSeconds: 0 }), { verdict: 'warning', says: /--dead/ })
  const https = { publicUrl: 'https://a.example', trustedProxies: ['10.0.0.1'], cookieSecure: false }
  t.match(proxyVerdict(https), [{ verdict: 'good' }, { check: 'cookies', verdict: 'bad' }])
  const hangs = () => new Promise<never>(() => {})
  t.match(await within(10, 'something', hangs), [{ check: 'something', verdict: 'bad', says: /No answer/ }])
})

t.test('--calibrate measures and proposes what fits cores and memory', async (t) => {
  const { code, out, err } = await doctor(['--calibrate', '--json'])
  t.same({ code, err }, { code: 0, err: '' })
  const { samples, proposal, cores } = JSON.parse(out)
  t.ok(samples.length >= 2 && samples[0].measured.perSecond > 0)
  t.ok(proposal.loginsPerSecond >= 1 && proposal.WORKERS >= 1 && proposal.WORKERS <= cores)

  t.same(slotsToTry(1), [1])
  t.same(slotsToTry(6), [1, 2, 4, 6])
  const sample = (slots: number, perSecond: number) =>
    ({ binding: 'argon2', slots, measured: { perSecond, eachMs: 1 } }) as const
  const plenty = propose(4, 2 ** 34, [sample(1, 40), sample(2, 80), sample(4, 150)])
  t.match(plenty.proposal, { WORKERS: 4, hashSlots: 4, loginsPerSecond: 135 })
  const tight = propose(4, 2 * 2 * 19_456 * 1024, [sample(1, 40), sample(2, 80), sample(4, 150)])
  t.match(tight.proposal, { WORKERS: 2, hashSlots: 2, loginsPerSecond: 72 })
})
