// What a sign-in asks of the database: as few statements as its promises allow, and nothing by halves.
import t from 'tap'
import { AuthError } from '../../src/domain/errors.ts'
import { createLockout } from '../../src/domain/lockout.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const seen: string[] = []
const { sql, store, domain, project } = await createTestDomain(t, {
  policy: { lockout: { failures: 2 }, sessions: { max_per_user: 2 } },
  onStatement: (text) => seen.push(text),
})
const password = 'a good long password'
const credentials = (email: string) => ({ email, password })
const signUp = (email: string) => domain.users.signUp(project, credentials(email), stranger)
const signIn = (email: string, given = password) =>
  domain.signIn.withPassword(project, { email, password: given }, stranger)

/** How many statements `work` sends; begin and commit are statements. */
async function count(work: () => Promise<unknown>): Promise<number> {
  const before = seen.length
  await work()
  return seen.length - before
}

const refused = (code: string, work: () => Promise<unknown>) => async () => {
  const error = await work().then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof AuthError) || error.code !== code) throw error ?? new Error(`No ${code}.`)
}

t.test('a sign-in is two statements: one before the password is checked, one after', async (t) => {
  await signUp('two@example.com')
  t.equal(await count(() => signIn('two@example.com')), 2)
  const device = { ...stranger, device: 'another device', address: '192.0.2.77' }
  t.equal(
    await count(() => domain.signIn.withPassword(project, credentials('two@example.com'), device)),
    2,
    'and so is one from a new device, of which the owner is told',
  )
  const mails = await sql`select details from outbox where kind = 'new_device'`
  t.same(
    mails.map(({ details }) => details.device),
    ['another device'],
  )
})

t.test(
  'a wrong password is two, whether or not there is an account: it is told when its count is kept',
  async (t) => {
    await signUp('wrong@example.com')
    const wrong = (email: string) => refused('invalid_credentials', () => signIn(email, 'a wrong password'))
    t.equal(await count(wrong('wrong@example.com')), 2)
    t.equal(await count(wrong('nobody@example.com')), 2)
    await wrong('wrong@example.com')()
    t.equal(await count(refused('too_many_attempts', () => signIn('wrong@example.com'))), 2, 'and a wait two')
  },
)

t.test('an authenticated request and a refresh are one', async (t) => {
  await signUp('one@example.com')
  const { sessionId, generation } = await signIn('one@example.com')
  const token = { sessionId, generation }
  await domain.sessions.authenticate(project, token)
  t.equal(await count(() => domain.sessions.authenticate(project, token)), 1)
  t.equal(await count(() => domain.sessions.refresh(project, token)), 1)
})

t.test('a session that is not opened leaves nothing behind, and its attempt stays counted', async (t) => {
  const email = 'halves@example.com'
  await signUp(email)
  const user = await store.users.findByEmail(project.id, email)
  t.ok(user)
  if (!user) return
  const lockout = createLockout({ store, lookupKey: Buffer.alloc(32, 1) })
  const attempt = lockout.signInAttempt(project, email, '192.0.2.99')
  await attempt.reserve()
  await store.users.advanceEpoch(project.id, user.id)
  const rows = () => sql`
    select (select count(*)::int from sessions where user_id = ${user.id}) as sessions,
      (select count(*)::int from known_addresses where user_id = ${user.id}) as addresses,
      (select count(*)::int from audit_events where user_id = ${user.id}) as events,
      (select attempts from sign_in_failures where project_id = ${project.id}
        and key_hash = ${attempt.counted.keys[1]?.keyHash ?? ''}) as attempts`
  const before = await rows()
  t.equal(before[0]?.attempts, 1)
  const caller = { ...stranger, address: '192.0.2.99', device: 'never seen' }
  const opened = await domain.sessions.open(store, project, user, caller, 'signed_in', { forgives: attempt })
  t.equal(opened, null)
  t.same(await rows(), before)

  const again = await store.users.findByEmail(project.id, email)
  t.ok(
    again && (await domain.sessions.open(store, project, again, caller, 'signed_in', { forgives: attempt })),
  )
  t.match((await rows())[0], { sessions: 2, addresses: 4, events: 2, attempts: 0 })
})

t.test('the limit of sessions counts the new one, and ends the oldest', async (t) => {
  const email = 'limit@example.com'
  await signUp(email)
  const ids = [await signIn(email), await signIn(email), await signIn(email)].map(
    ({ sessionId }) => sessionId,
  )
  const alive = await sql`select sessions.id from sessions join users on users.id = user_id
    where users.email = ${email} and revoked_at is null`
  t.same(new Set(alive.map(({ id }) => id)), new Set(ids.slice(1)))
})

t.test('sixteen sign-ins of one account at once all succeed, whatever they end', async (t) => {
  const email = 'sixteen@example.com'
  await signUp(email)
  const from = (i: number) => ({
    ...stranger,
    address: `192.0.2.${100 + (i % 4)}`,
    device: `device ${i % 3}`,
  })
  await Promise.all(
    Array.from({ length: 16 }, (_, i) => domain.signIn.withPassword(project, credentials(email), from(i))),
  )
  await signIn(email)
  const [row] = await sql`select count(*)::int as alive from sessions join users on users.id = user_id
    where users.email = ${email} and revoked_at is null`
  t.equal(row?.alive, 2)
  const mails = await sql`select details ->> 'device' as device from outbox join users on users.id = user_id
    where users.email = ${email} and kind = 'new_device' order by 1`
  t.same(
    mails.map(({ device }) => device),
    ['device 0', 'device 1', 'device 2'],
    'and each new device is told of once',
  )
})
