// Imports: the time to read and store an export, and whether the time of a refused sign-in reveals imported accounts.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import bcrypt from 'bcrypt'
import { defaultParameters } from '../../../src/crypto/passwords.ts'
import { createContext } from '../../../src/domain/context.ts'
import { createPasswordHashing } from '../../../src/domain/credentials/passwords.ts'
import { signInWithPassword } from '../../../src/domain/credentials/sign-in.ts'
import { listProjects } from '../../../src/domain/projects/projects.ts'
import { servicesOn, stranger } from '../../support/domain.ts'
import { makePlace, type Place } from '../crowd.ts'
import type { Bench } from '../figures.ts'
import { built, publicUrl, secretKey } from '../processes.ts'
import { type Figure, median, ms, times } from '../rounds.ts'

const goalSeconds = 60
/** The maximum difference of the medians of refused sign-ins. */
const goalRatio = 1.05

export async function imports(bench: Bench): Promise<Figure[]> {
  const people = bench.quick ? 10_000 : 100_000
  const place = await makePlace(bench.serverUrl, 'bench_import', { users: 1, sessions: 0 })
  const file = join(bench.folder, 'people.jsonl')
  const hash = bcrypt.hashSync('a good long password', 10)
  const lines = Array.from({ length: people }, (_, n) =>
    JSON.stringify({
      email: `import-${n}@example.com`,
      password_hash: hash,
      email_verified_at: '2021-03-04T05:06:07Z',
      first_name: 'Ada',
      last_name: `Lovelace ${n}`,
      metadata: { plan: 'gold', old_id: randomUUID() },
      identities: [{ provider: 'google', subject: `10${n}`, email: `import-${n}@example.com` }],
    }),
  )
  writeFileSync(file, lines.join('\n'))
  const seconds = await importSeconds(place, file)
  const bare = await copySeconds(place)
  const goal = (goalSeconds * people) / 100_000
  return [
    {
      name: `import of ${people} people, each with a hash and an identity`,
      goal: `≤ ${goal} s`,
      measured: `${seconds.toFixed(1)} s`,
      detail: `${Math.round((people / seconds) * 60)} a minute, start of the command included`,
      met: seconds <= goal,
    },
    {
      name: 'import / bare COPY of the same rows',
      goal: 'for information',
      measured: times(seconds / bare),
      detail: `${bare.toFixed(1)} s for users, identities, both logs, with their indexes, without the checks of keys`,
      met: null,
    },
    ...(await refusals(place, bench.quick ? 20 : 100)),
  ]
}

/** Seconds that the command takes. */
async function importSeconds({ url, projectId }: Place, file: string): Promise<number> {
  const began = performance.now()
  const words = ['users', 'import', '--project', projectId, '--file', file]
  const child = spawn(process.execPath, [built('src/cli/sallyport.js'), ...words], {
    env: { PATH: process.env.PATH, DATABASE_URL: url, SECRET_KEY: secretKey, PUBLIC_URL: publicUrl },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`The import ended with ${code}.`)
  return (performance.now() - began) / 1000
}

/** Seconds to copy the rows that the import made into tables with the same indexes, by COPY from files of the server. */
async function copySeconds({ sql }: Place): Promise<number> {
  const tables = ['users', 'identities', 'audit_events', 'security_log']
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-copy-'))
  // PostgreSQL may run as another user.
  await chmod(folder, 0o777)
  for (const table of tables) {
    await sql.unsafe(`copy ${table} to '${folder}/${table}'`)
    await sql.unsafe(`create table bare_${table} (like ${table} including all)`)
  }
  const began = performance.now()
  for (const table of tables) await sql.unsafe(`copy bare_${table} from '${folder}/${table}'`)
  const seconds = (performance.now() - began) / 1000
  await rm(folder, { recursive: true })
  return seconds
}

/** Times of refused sign-ins in turn: to an own account, an imported one, and an unknown address. */
async function refusals({ sql, projectId }: Place, rounds: number): Promise<Figure[]> {
  const cheap = servicesOn(sql)
  // The decoy hash too, which is computed with these parameters.
  const services = {
    ...cheap,
    passwords: createPasswordHashing({ ...cheap.passwords, parameters: defaultParameters }),
  }
  const project = (await listProjects(services)).find(({ id }) => id === projectId)
  if (!project) throw new Error('The project is gone.')
  const ways = { ours: 'user-1@example.com', imported: 'import-1@example.com', none: 'nobody@example.com' }
  const seen: Record<keyof typeof ways, number[]> = { ours: [], imported: [], none: [] }
  const order = Object.entries(ways) as [keyof typeof ways, string][]
  let attempts = 0
  for (let round = -2; round < rounds; round++) {
    // The order rotates, and each attempt is the first one of its address, because both affect the time.
    order.push(...order.splice(0, 1))
    for (const [way, email] of order) {
      const caller = { ...stranger, address: `198.18.${attempts >> 8}.${attempts++ & 255}` }
      const began = performance.now()
      await signInWithPassword(createContext(services, project, caller, null), {
        email,
        password: `wrong ${round}`,
      }).catch(() => {})
      if (round >= 0) seen[way].push(performance.now() - began)
    }
  }
  const medians = Object.entries(seen).map(([way, all]) => [way, median(all)] as const)
  const all = medians.map(([, value]) => value)
  const ratio = Math.max(...all) / Math.min(...all)
  const kinds = project.policy.import.password_kinds.join(', ')
  return [
    {
      name: `refused sign-ins, policy ${kinds}: slowest median / fastest`,
      goal: `≤ ${goalRatio} ×`,
      measured: times(ratio),
      detail: medians.map(([way, value]) => `${way} ${ms(value)}`).join(', '),
      met: ratio <= goalRatio,
    },
  ]
}
