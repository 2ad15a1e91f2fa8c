// `tsx test/bench/mail.ts [--mails N]`: the rate at which one mail job sends queued mails through a local SMTP server in another
// process, without and with a stop of that server halfway. Exits with 1 when a figure misses its goal.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createHashScheduler } from '../../src/crypto/hash-scheduler.ts'
import { loadArgon2 } from '../../src/crypto/passwords.ts'
import { startEmbedded } from '../../src/database/embedded/embedded.ts'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { openPool } from '../../src/database/pool.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { createServices } from '../../src/domain/services.ts'
import { startMailJob } from '../../src/jobs/mail.ts'
import { createSmtpMailer } from '../../src/mail/smtp-mailer.ts'
import { createLogger } from '../../src/observability/logging.ts'
import { webhookSender } from '../../src/outgoing/webhook-sender.ts'
import { createStores } from '../../src/repositories/store.ts'
import { createProviders } from '../../src/social/providers.ts'
import { testKeys } from '../support/domain.ts'
import { startSmtpSink } from '../support/smtp-sink.ts'

const goalPerSecond = 300

async function runSink(): Promise<void> {
  const sink = await startSmtpSink()
  process.on('message', async (order: { dieAt?: number; awayMs?: number; report?: true }) => {
    if (order.report) process.send?.({ accepted: sink.accepted })
    if (order.dieAt === undefined) return
    await sink.dieAt(order.dieAt)
    setTimeout(() => sink.revive(), order.awayMs)
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ url: sink.url })
}

async function runBench(): Promise<void> {
  const { values } = parseArgs({ options: { mails: { type: 'string', default: '10000' } } })
  const mails = Number(values.mails)
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-mail-'))
  // PostgreSQL's default durability.
  const database = await startEmbedded({ dataDir: folder })
  let missed = false
  try {
    await migrateDatabase(database.url)
    const sql = openPool(database.url)
    const services = createServices({
      stores: createStores(sql),
      publicUrl: 'http://127.0.0.1:3000',
      keys: testKeys,
      argon2: loadArgon2,
      parameters: { memoryKib: 64, passes: 1, lanes: 1 },
      scheduler: createHashScheduler(),
      providers: createProviders({ secrets: {} }),
      webhookSender,
    })
    const { project } = await createProject(services, 'Bench', {})
    await sql`insert into users (uuid, project_id, email, display_name, metadata)
      select gen_random_uuid(), ${project.id}, 'user-' || n || '@example.com', 'User ' || n, '{}'
      from generate_series(1, ${mails}::int) n`

    for (const dies of [false, true]) {
      const child = fork(fileURLToPath(import.meta.url), ['--sink'])
      const [{ url }] = (await once(child, 'message')) as [{ url: string }]
      await sql`delete from outbox`
      await sql`insert into outbox (id, project_id, user_id, kind)
        select gen_random_uuid(), project_id, id, 'verify_email' from users`
      if (dies) child.send({ dieAt: mails / 2, awayMs: 3000 })
      const [begun, cpu] = [performance.now(), process.cpuUsage()]
      const job = startMailJob({
        services,
        mailer: createSmtpMailer({ url, from: 'Bench <no-reply@bench.example>' }),
        publicUrl: 'https://auth.example.com',
        log: createLogger('error'),
      })
      for (;;) {
        const [row] =
          await sql`select count(*)::int as left from outbox where sent_at is null and dead_at is null`
        if (row?.left === 0) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const seconds = (performance.now() - begun) / 1000
      const { user, system } = process.cpuUsage(cpu)
      await job.stop()
      child.send({ report: true })
      const [{ accepted }] = (await once(child, 'message')) as [{ accepted: string[] }]
      child.disconnect()
      const rows = await sql`select id from outbox where sent_at is not null`
      const arrived = new Set(accepted)
      const lost = rows.filter(({ id }) => !arrived.has(id)).length + mails - rows.length
      const twice = accepted.length - arrived.size
      const rate = mails / (seconds - (dies ? 3 : 0))
      console.log(
        `${mails} mails, the server ${dies ? 'away for 3 s halfway' : 'always there'}: ${seconds.toFixed(1)} s, ` +
          `${rate.toFixed(0)} mails/s${dies ? ' while it was there' : ''} (goal ${goalPerSecond}), lost ${lost}, twice ${twice}; ` +
          `${((user + system) / 1000 / mails).toFixed(2)} ms of CPU for each, load ${loadavg()[0]?.toFixed(1)}`,
      )
      missed ||= lost > 0 || twice > 0 || rate < goalPerSecond
    }
    await sql.end({ timeout: 5 })
  } finally {
    await database.stop()
    await rm(folder, { recursive: true, force: true })
  }
  process.exitCode = missed ? 1 : 0
}

await (process.argv.includes('--sink') ? runSink() : runBench())
