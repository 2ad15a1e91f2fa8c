// Sessions with a lifetime of their own: as long as they were opened for, whatever the policy says of refreshing.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { signOutEverywhere } from '../../src/domain/accounts/sign-out-everywhere.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import type { Grant, PresentedRefresh } from '../../src/domain/sessions/grants.ts'
import { signOut } from '../../src/domain/sessions/revocation.ts'
import { authenticateSession, extendSession, type Lifetimes } from '../../src/domain/sessions/sessions.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const { services, context, signedIn, sql } = await createTestDomain(t)
const password = 'a good long password'
const hour = 3600
const day = 24 * hour

async function projectWith(tokens: Record<string, number>, verification = {}) {
  return (await createProject(services, 'Test', { tokens, verification })).project
}
const inProject = (project: Project) => context(stranger, null, project)
async function signIn(project: Project, lifetimes?: Lifetimes) {
  const email = `${randomUUID()}@example.com`
  await signUp(inProject(project), { email, password })
  return signInWithPassword(inProject(project), { email, password }, lifetimes)
}
const authenticate = (project: Project, token: PresentedRefresh) =>
  authenticateSession(inProject(project), token)
const extend = (project: Project, presented: PresentedRefresh, bySeconds: number) =>
  extendSession(inProject(project), presented, bySeconds)
const wholeSecond = (at: Date) => Math.floor(at.getTime() / 1000)
/** An access token counts from the second in which it is issued. */
const seconds = ({ issuedAt, accessExpiresAt, refreshExpiresAt }: Grant) => ({
  access: wholeSecond(accessExpiresAt) - wholeSecond(issuedAt),
  session: Math.round((refreshExpiresAt.getTime() - issuedAt.getTime()) / 1000),
})
/** Lets `by` seconds pass for a session. */
const age = (id: string, by: number) =>
  sql`update sessions set expires_at = expires_at - make_interval(secs => ${by}),
    absolute_expires_at = absolute_expires_at - make_interval(secs => ${by}) where id = ${id}`

t.test('without a wish the policy decides, as ever', async (t) => {
  const project = await projectWith({ access_seconds: 60, refresh_seconds: 120, absolute_seconds: 90 })
  t.same(seconds(await signIn(project)), { access: 60, session: 90 })
})

t.test('seven days are seven days, however short the policy', async (t) => {
  const project = await projectWith({ access_seconds: 60, refresh_seconds: 120, absolute_seconds: 90 })
  const week = { accessSeconds: 7 * day, lifetimeSeconds: 7 * day, beyondAbsolute: true }
  const grant = await signIn(project, week)
  t.same(seconds(grant), { access: 7 * day, session: 7 * day })
  await age(grant.sessionId, 7 * day - hour)
  t.equal((await authenticate(project, grant)).sessionId, grant.sessionId)
  await age(grant.sessionId, hour)
  await t.rejects(authenticate(project, grant), { code: 'unauthenticated' })
})

t.test('an access token never outlives its session', async (t) => {
  const project = await projectWith({ refresh_seconds: hour })
  t.same(seconds(await signIn(project, { accessSeconds: day })), { access: hour, session: hour })
})

t.test('a session of a day is extended by a day at a time, up to the absolute lifetime', async (t) => {
  const project = await projectWith({ refresh_seconds: hour, absolute_seconds: 2 * day })
  const grant = await signIn(project, { accessSeconds: day, lifetimeSeconds: day })
  t.same(seconds(grant), { access: day, session: day })
  const principal = await authenticate(project, grant)
  await age(grant.sessionId, day - hour)
  const extended = await extend(project, principal, day)
  t.same(seconds(extended), { access: day, session: day })
  t.equal(extended.sessionId, grant.sessionId)
  t.equal(extended.generation, grant.generation, 'who asks twice gets the same twice')
  await age(grant.sessionId, day - hour)
  t.same(
    seconds(await extend(project, principal, day)),
    { access: 2 * hour, session: 2 * hour },
    'two hours are left of the two days',
  )
  await age(grant.sessionId, 2 * hour)
  await t.rejects(extend(project, principal, day), { code: 'unauthenticated' })
})

t.test('the absolute lifetime caps a session that is not opened beyond it', async (t) => {
  const project = await projectWith({ absolute_seconds: hour })
  t.same(seconds(await signIn(project, { accessSeconds: day, lifetimeSeconds: day })), {
    access: hour,
    session: hour,
  })
})

t.test('extending never shortens', async (t) => {
  const project = await projectWith({})
  const grant = await signIn(project, { lifetimeSeconds: day })
  const principal = await authenticate(project, grant)
  const extended = await extend(project, principal, hour)
  t.equal(extended.refreshExpiresAt.getTime(), grant.refreshExpiresAt.getTime())
})

t.test(
  'what has ended is not extended: revoked, signed out everywhere, disabled, another project',
  async (t) => {
    const project = await projectWith({})
    const open = async () => {
      const grant = await signIn(project, { lifetimeSeconds: day })
      return authenticate(project, grant)
    }
    const [left, leftAll, disabled, here] = [await open(), await open(), await open(), await open()]
    await signOut(signedIn(left, stranger, project))
    await signOutEverywhere(signedIn(leftAll, stranger, project))
    await sql`update users set disabled_at = now() where id = ${disabled.user.id}`
    for (const principal of [left, leftAll, disabled])
      await t.rejects(extend(project, principal, day), { code: 'unauthenticated' })
    const another = await projectWith({})
    await t.rejects(extend(another, here, day), { code: 'unauthenticated' })
    const strict = {
      ...project,
      policy: {
        ...project.policy,
        verification: { ...project.policy.verification, mode: 'strict' as const },
      },
    }
    await t.rejects(extend(strict, here, day), { code: 'email_verification_required' })
  },
)

t.test('sixteen extensions at once all succeed', async (t) => {
  const project = await projectWith({})
  const principal = await authenticate(project, await signIn(project, { lifetimeSeconds: hour }))
  const grants = await Promise.all(Array.from({ length: 16 }, () => extend(project, principal, day)))
  for (const grant of grants) t.equal(grant.generation, 1)
  t.same([...new Set(grants.map((grant) => seconds(grant).access))], [day])
})
