// kill -9 under load, of the service and of its database, with the durability that a user's installation has: what was
// acknowledged stays, and what was revoked stays revoked.
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { writeProof } from '../support/proof.ts'
import {
  ask,
  postmasterPid,
  type Service,
  type ServiceAnswer,
  startService,
  temporaryDataDir,
  wideProject,
} from '../support/service.ts'

interface Acknowledged {
  readonly password: string
  /** Addresses whose sign-up was answered with 201. */
  readonly emails: string[]
  /** For each session the newest refresh token that somebody was given. */
  readonly newest: Map<number, string>
  /** Refresh tokens of sessions whose end was answered, by logout, from another device or everywhere at once. */
  readonly revoked: string[]
  /** API keys whose making was answered with 201, and those whose revocation was answered besides. */
  readonly keys: string[]
  readonly revokedKeys: string[]
  readonly statuses: Record<string, number>
}

const isGood = (answer: ServiceAnswer | null) => answer !== null && answer.status < 300

/** Signs up, refreshes, makes and revokes keys and ends sessions until `over`, and remembers what was acknowledged. */
function load(service: Service, projectId: string) {
  const password = 'a good long password'
  const done: Acknowledged = {
    password,
    emails: [],
    newest: new Map(),
    revoked: [],
    keys: [],
    revokedKeys: [],
    statuses: {},
  }
  const headers = { 'project-id': projectId }
  let sessions = 0
  let isOver = false
  const over = () => isOver

  async function send(method: string, path: string, body: unknown, more: Record<string, string> = {}) {
    const answer = await ask(service, method, path, { body, headers: { ...headers, ...more } })
    const status = answer?.status ?? 'none'
    done.statuses[status] = (done.statuses[status] ?? 0) + 1
    if (answer === null || answer.status === 503) await new Promise((resolve) => setTimeout(resolve, 20))
    return answer
  }

  async function signUp(): Promise<{ number: number; access: string; refresh: string } | null> {
    const number = sessions++
    const email = `crash-${number}@example.com`
    const answer = await send('POST', '/signup', { email, password })
    if (answer?.status !== 201) return null
    done.emails.push(email)
    done.newest.set(number, answer.body.refresh_token)
    return { number, access: answer.body.access_token, refresh: answer.body.refresh_token }
  }

  const signingUp = async () => {
    while (!over()) await signUp()
  }
  const refreshing = async () => {
    let session = await signUp()
    while (!over()) {
      if (!session) session = await signUp()
      else {
        const answer = await send('POST', '/refresh', { refresh_token: session.refresh })
        if (answer?.status === 200) {
          session.refresh = answer.body.refresh_token
          done.newest.set(session.number, session.refresh)
        }
      }
    }
  }
  const ways = ['/logout', '/logout-all', '/sessions']
  let turns = 0
  /** Signs up, makes two API keys and revokes one, and ends the session in one of the three ways. */
  async function leave(): Promise<void> {
    const session = await signUp()
    if (!session || over()) return
    const access = { authorization: `Bearer ${session.access}` }
    for (const isKept of [true, false]) {
      const made = await send('POST', '/api-keys', { name: 'Backup' }, access)
      if (made?.status !== 201) continue
      if (isKept) done.keys.push(made.body.plain_text_key)
      else {
        const revoked = await send('POST', `/api-keys/${made.body.id}/revoke`, undefined, access)
        if (isGood(revoked)) done.revokedKeys.push(made.body.plain_text_key)
      }
    }
    // From here on it may be ended, whether or not the answer arrives.
    done.newest.delete(session.number)
    const way = ways[turns++ % ways.length]
    const list = way === '/sessions' ? await send('GET', way, undefined, access) : null
    const answer = list
      ? await send('DELETE', `/sessions/${list.body?.data?.[0]?.id}`, undefined, access)
      : await send('POST', way ?? '', {}, access)
    if (isGood(answer)) done.revoked.push(session.refresh)
  }
  const leaving = async () => {
    while (!over()) await leave()
  }
  const all = Promise.all([signingUp(), ...Array.from({ length: 6 }, refreshing), leaving(), leaving()])
  return {
    /** However slow the machine: until so much more of everything was acknowledged. */
    async was(count: number) {
      const before = countsOf(done)
      await eventually(
        'a load',
        async () => Object.entries(countsOf(done)).every(([name, now]) => now >= (before[name] ?? 0) + count),
        90_000,
      )
    },
    /** Ends it, and tells what was acknowledged. */
    async end(): Promise<Acknowledged> {
      isOver = true
      await all
      return done
    },
  }
}

const countsOf = ({ emails, newest, revoked, keys, revokedKeys }: Acknowledged): Record<string, number> => ({
  signUps: emails.length,
  sessions: newest.size,
  revoked: revoked.length,
  keys: keys.length,
  revokedKeys: revokedKeys.length,
})

async function isAllThere(t: Test, service: Service, projectId: string, done: Acknowledged): Promise<void> {
  const headers = { 'project-id': projectId }
  const { password, emails, newest, revoked, keys, revokedKeys, statuses } = done
  t.same(
    Object.keys(statuses).filter((status) => !['200', '201', '204', '503', 'none'].includes(status)),
    [],
    'no 500',
  )
  t.comment(JSON.stringify({ ...countsOf(done), statuses }))
  // A few at a time: hundreds at once would be refused, because the queue of hashes is bounded.
  const signIns: Awaited<ReturnType<typeof ask>>[] = []
  for (let from = 0; from < emails.length; from += 16)
    signIns.push(
      ...(await Promise.all(
        emails
          .slice(from, from + 16)
          .map((email) => ask(service, 'POST', '/login', { body: { email, password }, headers })),
      )),
    )
  t.same(
    emails.filter((_, index) => signIns[index]?.status !== 200),
    [],
    'every acknowledged sign-up can sign in',
  )
  const refreshes = await Promise.all(
    [...newest].map(([, refresh_token]) =>
      ask(service, 'POST', '/refresh', { body: { refresh_token }, headers }),
    ),
  )
  t.same(
    [...newest.keys()].filter((_, index) => refreshes[index]?.status !== 200),
    [],
    'the newest acknowledged refresh token of every session works',
  )
  const returned = await Promise.all(
    revoked.map((refresh_token) => ask(service, 'POST', '/refresh', { body: { refresh_token }, headers })),
  )
  t.same(
    returned.filter((answer) => answer?.status !== 401),
    [],
    'nothing revoked comes back',
  )
  const opens = (key: string) =>
    ask(service, 'GET', '/me', { headers: { ...headers, authorization: `Bearer ${key}` } })
  const byKey = await Promise.all([...keys, ...revokedKeys].map(opens))
  t.same(
    byKey.map((answer) => answer?.status),
    [...keys.map(() => 200), ...revokedKeys.map(() => 401)],
    'every acknowledged key works, and no revoked one does',
  )
}

/** Counts for docs/proof.md; where anything was lost, the test has failed. */
function proveLoss(
  t: Test,
  name: 'crash-service' | 'crash-database',
  kills: number,
  done: Acknowledged,
): void {
  const acknowledged = Object.values(countsOf(done)).reduce((sum, count) => sum + count, 0)
  const lost = t.passing() ? { lost: 0 } : {}
  writeProof(name, 'test/faults/crash.test.ts', {
    [`${name.replace('crash-', '')} killed`]: kills,
    acknowledged,
    ...lost,
  })
}

t.test('kill -9 of the service under load loses nothing that was acknowledged', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const first = await startService(t, { dataDir })
  const projectId = await wideProject(first)
  const loading = load(first, projectId)
  await loading.was(3)
  const { signal } = await first.kill()
  t.equal(signal, 'SIGKILL')
  const done = await loading.end()

  const second = await startService(t, { dataDir })
  await isAllThere(t, second, projectId, done)
  proveLoss(t, 'crash-service', 1, done)
  t.equal((await second.stop()).code, 0)
  t.equal(postmasterPid(dataDir), null, 'the database that was left behind is gone too')
})

t.test(
  'kill -9 of the database under load loses nothing that was acknowledged, and it comes back',
  async (t) => {
    const dataDir = await temporaryDataDir(t)
    const service = await startService(t, { dataDir })
    const projectId = await wideProject(service)
    const loading = load(service, projectId)
    async function killDatabase(): Promise<void> {
      const postmaster = postmasterPid(dataDir)
      if (postmaster === null) throw new Error('There is no postmaster.')
      process.kill(postmaster, 'SIGKILL')
      await eventually('another postmaster', async () => {
        const now = postmasterPid(dataDir)
        return now !== null && now !== postmaster
      })
      // What it said before the kill may be repeated for a second.
      await new Promise((resolve) => setTimeout(resolve, 1100))
      await eventually('ready again', async () => (await fetch(`${service.url}/health/ready`)).status === 200)
    }
    for (let round = 0; round < 2; round++) {
      await new Promise((resolve) => setTimeout(resolve, 2000))
      await killDatabase()
    }
    const done = await loading.end()
    const email = 'guessed@example.com'
    const guess = () => ask(service, 'POST', '/login', { body: { email, password: 'a wrong password' } })
    for (let failure = 0; failure < 5; failure++) t.equal((await guess())?.status, 401)
    await killDatabase()
    t.equal(
      (await guess())?.status,
      429,
      'a refusal that was told is counted, whatever becomes of the database',
    )
    t.ok(done.statuses[503], 'requests of the meantime were refused', { ...done.statuses })
    t.notOk(done.statuses.none, 'and all were answered')
    await isAllThere(t, service, projectId, done)
    proveLoss(t, 'crash-database', 3, done)
    t.equal((await service.stop()).code, 0)
  },
)
