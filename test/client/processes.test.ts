// Processes that share one stored session, and processes whose clock is wrong: nobody is signed out.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { startTestApp } from '../support/app.ts'
import type { Visit, Visited } from './visitor.ts'

const hour = 3_600_000

/** Runs a visit to its end, in a process of its own. */
function run(visit: Visit): Promise<Visited> {
  const script = join(packageRoot, 'test/client/visitor.ts')
  const child = spawn(process.execPath, ['--import=tsx', script, JSON.stringify(visit)], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(stdout)) : reject(new Error(`It ended with ${code}: ${stderr}`)),
    )
  })
}

t.test('three processes that share one stored token stay signed in over many refreshes', async (t) => {
  const app = await startTestApp(t, { policy: { tokens: { access_seconds: 3 } } })
  const visit = { baseUrl: app.url, projectId: app.projectId, file: join(app.dataDir, 'session.json') }
  const first = await run({ ...visit, email: 'processes@example.com' })
  // Three seconds are short where the machine is busy: the first visit may refresh already.
  t.same(
    first.events.filter((event) => event !== 'token_refreshed'),
    ['signed_in'],
  )
  const all = await Promise.all([1, 2, 3].map(() => run({ ...visit, refreshes: 4 })))
  for (const { events, errors, calls } of all) {
    t.same(errors, [])
    t.notOk(events.includes('signed_out'))
    t.ok(calls >= 12)
  }
  t.ok(all.reduce((sum, { refreshes }) => sum + refreshes, 0) >= 4)
  const [row] = await app.sql`select revoked_at, generation from sessions`
  t.equal(row?.revoked_at, null)
  t.match(await app.sql`select event from audit_events where event = 'refresh_reused'`, [])
})

t.test('a clock that is wrong by an hour, or is put right, causes no refresh and no sign-out', async (t) => {
  const app = await startTestApp(t)
  const visit = { baseUrl: app.url, projectId: app.projectId, file: join(app.dataDir, 'session.json') }
  for (const [n, clocks] of [
    [1, [hour, 0, -hour]],
    [2, [-hour, 0, hour]],
  ] as const) {
    const visited = await run({ ...visit, email: `clock-${n}@example.com`, clocks })
    t.same(visited, { events: ['signed_in'], errors: [], calls: visited.calls, refreshes: 0 })
  }
  // Started again with the stored session, on a clock that has moved meanwhile: one refresh at most.
  for (const clocks of [[2 * hour], [-2 * hour], [0]]) {
    const visited = await run({ ...visit, clocks })
    t.same(visited.errors, [])
    t.ok(visited.refreshes <= 1)
    t.notOk(visited.events.includes('signed_out'))
  }
})
