// `npm run build && npx tsx test/bench/devices.ts [--sessions N]`: the cost of a list of 50 devices compared with `me`, and the
// effect of a cleanup of expired sessions on `me`. Exits with 1 when a figure misses its goal.
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbedded } from '../../src/database/embedded/embedded.ts'
import { openPool } from '../../src/database/pool.ts'
import { cleanUp, type Deleted } from '../../src/jobs/cleanup.ts'
import { createStores } from '../../src/repositories/store.ts'
import { makePlace, serve } from './crowd.ts'
import { endAll } from './processes.ts'
import { median } from './rounds.ts'

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '2000000' } } })
const sessions = Number(values.sessions)
const agent = new Agent({ keepAlive: true, maxSockets: 8 })

/** @returns milliseconds from a GET until its answer was read */
function get(port: number, path: string, headers: Record<string, string>): Promise<number> {
  const since = performance.now()
  return new Promise((resolve, reject) => {
    request({ port, path, headers, agent }, (answer) => {
      answer.resume().once('end', () => {
        if (answer.statusCode === 200) resolve(performance.now() - since)
        else reject(new Error(`${path} was answered ${answer.statusCode}.`))
      })
    })
      .once('error', reject)
      .end()
  })
}

const quantile = (times: number[], q: number) =>
  times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * q))] ?? Number.NaN

const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-devices-'))
const database = await startEmbedded({ dataDir: folder })
let missed = false
try {
  console.log(`Loading ${sessions} sessions…`)
  const place = await makePlace(database.url, 'bench_devices', { users: sessions / 2, sessions })
  const service = await serve(place, folder)
  const email = 'user-7@example.com'
  const json = { 'content-type': 'application/json', 'project-id': place.projectId }
  const signedIn = await fetch(`http://127.0.0.1:${service.port}/api/auth/login`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ email, password: 'a good long password' }),
  })
  const { access_token } = (await signedIn.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${access_token}`, 'project-id': place.projectId }
  await place.sql`insert into sessions (id, project_id, user_id, epoch, expires_at, absolute_expires_at, user_agent)
    select gen_random_uuid(), project_id, id, 0, now() + interval '1 day', now() + interval '2 days', 'curl/8.' || n
    from users, generate_series(1, 47) n where email = ${email}`

  /** Median milliseconds of sequential requests, so that a ratio compares cost. */
  const cost = async (path: string, count: number) => {
    const times: number[] = []
    for (let i = 0; i < count; i++) times.push(await get(service.port, path, headers))
    return quantile(times, 0.5)
  }
  await cost('/api/auth/sessions', 300)
  await cost('/api/auth/me', 300)
  const ratios: number[] = []
  for (let round = 0; round < 9; round++) {
    const list = await cost('/api/auth/sessions', 200)
    ratios.push(list / (await cost('/api/auth/me', 200)))
  }
  const ratio = median(ratios)
  console.log(`GET /sessions with 50 sessions / GET /me: ${ratio.toFixed(2)} × (goal ≤ 1.5 ×)`)
  missed ||= ratio > 1.5

  const half = Math.floor(sessions / 2)
  console.log(`Expiring ${half} sessions…`)
  await place.sql`update sessions set expires_at = now() - interval '2 days'
    where id in (select id from sessions where user_id <> 7 limit ${half})`
  await place.sql`vacuum (analyze) sessions`
  await place.sql`checkpoint`
  const probe = async (until: () => boolean) => {
    const times: number[] = []
    const one = async () => {
      while (!until()) {
        times.push(await get(service.port, '/api/auth/me', headers))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    await Promise.all([one(), one(), one(), one()])
    return times
  }
  const idleUntil = performance.now() + 15_000
  const idle = await probe(() => performance.now() > idleUntil)
  const pool = openPool(place.url, { connections: 1 })
  const began = performance.now()
  let removed: Deleted | undefined
  const cleaning = cleanUp(createStores(pool), new AbortController().signal).then((result) => {
    removed = result
  })
  const during = await probe(() => removed !== undefined)
  await cleaning
  await pool.end({ timeout: 1 })
  const [calm, busy] = [quantile(idle, 0.99), quantile(during, 0.99)]
  console.log(
    `cleanup of ${removed?.sessions} sessions in ${((performance.now() - began) / 1000).toFixed(0)} s: ` +
      `p99 of me ${calm.toFixed(1)} → ${busy.toFixed(1)} ms, ${(busy / calm).toFixed(2)} × (goal ≤ 2 ×)`,
  )
  missed ||= busy / calm > 2
  await place.sql.end()
} finally {
  agent.destroy()
  await endAll()
  await database.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exitCode = missed ? 1 : 0
