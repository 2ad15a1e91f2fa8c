// Revocation by session ids: only the user's own sessions end, whatever else the list has. For one id, the result says whether the
// session is the user's own, another user's, or unknown.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import type { Principal } from '../../src/domain/actor.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import type { Grant } from '../../src/domain/sessions/grants.ts'
import { revokeListedSessions, revokeSessionNamed } from '../../src/domain/sessions/revocation.ts'
import { authenticateSession, listSessions } from '../../src/domain/sessions/sessions.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const { services, project, context, signedIn, sql } = await createTestDomain(t)
const password = 'a good long password'

async function person(of: Project = project) {
  const email = `${randomUUID()}@example.com`
  const anonymous = context(stranger, null, of)
  const signedUp = await signUp(anonymous, { email, password })
  if (signedUp.kind !== 'signed_in') throw new Error('A session was expected.')
  const principal: Principal = await authenticateSession(anonymous, signedUp.grant)
  const another = () => signInWithPassword(anonymous, { email, password })
  const ctx = signedIn(principal, stranger, of)
  const living = async () => (await listSessions(ctx)).map(({ id }) => id).sort()
  return { principal, ctx, another, living }
}
const ids = (grants: readonly Grant[]) => grants.map(({ sessionId }) => sessionId).sort()
const revocations = async ({ user }: Principal) =>
  (
    await sql`select session_id from audit_events where user_id = ${user.id} and event = 'session_revoked'
      order by session_id`
  ).map(({ session_id }) => session_id)

t.test('of a list, the user’s own sessions end and nothing else changes', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const { project: other } = await createProject(services, 'Another', {})
  const elsewhere = await person(other)
  const [one, two, three] = [await ada.another(), await ada.another(), await ada.another()]
  const list = [
    one.sessionId,
    one.sessionId.toUpperCase(),
    two.sessionId,
    bob.principal.sessionId,
    elsewhere.principal.sessionId,
    randomUUID(),
    '',
    "'; drop table sessions; --",
    '\0',
  ]
  t.equal(await revokeListedSessions(ada.ctx, list), 2)
  t.same(await ada.living(), [ada.principal.sessionId, three.sessionId].sort())
  t.same(await bob.living(), [bob.principal.sessionId])
  t.same(await elsewhere.living(), [elsewhere.principal.sessionId])
  t.same(await revocations(ada.principal), ids([one, two]), 'each is in the owner’s audit trail, once')
  t.same(await revocations(bob.principal), [])
  t.equal(await revokeListedSessions(ada.ctx, list), 0, 'again: nothing is left')
  t.equal(await revokeListedSessions(ada.ctx, []), 0)
})

t.test('the session that asks may be in the list', async (t) => {
  const ada = await person()
  const { sessionId } = ada.principal
  t.equal(await revokeListedSessions(ada.ctx, [sessionId]), 1)
  await t.rejects(authenticateSession(context(), { sessionId, generation: 1 }), {
    code: 'unauthenticated',
  })
})

t.test('of a list of a hundred thousand ids, a bounded number reaches the database', async (t) => {
  const ada = await person()
  const { sessionId } = await ada.another()
  const list = [sessionId, ...Array.from({ length: 100_000 }, () => randomUUID())]
  t.equal(await revokeListedSessions(ada.ctx, list), 1)
  const noise = Array.from({ length: 100_000 }, (_, index) => `no id ${index}`)
  t.equal(await revokeListedSessions(ada.ctx, noise), 0)
})

t.test('sixteen lists at once end each session once', async (t) => {
  const ada = await person()
  const grants = await Promise.all([ada.another(), ada.another(), ada.another()])
  const list = grants.map(({ sessionId }) => sessionId)
  const counts = await Promise.all(
    Array.from({ length: 16 }, (_, index) =>
      revokeListedSessions(ada.ctx, index % 2 ? list : [...list].reverse()),
    ),
  )
  t.equal(
    counts.reduce((sum, count) => sum + count, 0),
    3,
  )
  t.same(await revocations(ada.principal), ids(grants))
})

t.test(
  'the result says whether the session is own, foreign or unknown, and only an own one ends',
  async (t) => {
    const [ada, bob] = [await person(), await person()]
    const elsewhere = await person((await createProject(services, 'Another', {})).project)
    const { sessionId } = await ada.another()
    const end = (id: string) => revokeSessionNamed(ada.ctx, id)
    t.equal(await end(sessionId), 'own')
    t.equal(await end(sessionId), 'unknown', 'it has ended')
    t.equal(await end(bob.principal.sessionId), 'foreign')
    t.same(await bob.living(), [bob.principal.sessionId], 'and stays active')
    t.equal(await end(elsewhere.principal.sessionId), 'unknown', 'another project does not exist from here')
    t.equal(await end(randomUUID()), 'unknown')
    t.equal(await end('me'), 'unknown')
    t.same(await revocations(ada.principal), [sessionId])
  },
)

t.test('one session ended sixteen times at once is ended once', async (t) => {
  const ada = await person()
  const { sessionId } = await ada.another()
  const outcomes = await Promise.all(Array.from({ length: 16 }, () => revokeSessionNamed(ada.ctx, sessionId)))
  t.equal(outcomes.filter((outcome) => outcome === 'own').length, 1)
  t.equal(outcomes.filter((outcome) => outcome === 'unknown').length, 15)
})
