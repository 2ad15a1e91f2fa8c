// Teams without HTTP: who may do what, never without an ADMIN, and what goes with an account.
import t from 'tap'
import { AuthError } from '../../src/domain/errors.ts'
import type { Principal } from '../../src/domain/principal.ts'
import type { Project } from '../../src/domain/projects.ts'
import { teamRoles } from '../../src/domain/teams.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const policy = {
  teams: { max_per_user: 3, max_members: 4, max_invitations: 2, invitation_seconds: 3600 },
  verification: { delivery: 'app' },
}
const { sql, store, domain, project } = await createTestDomain(t, { policy })
const patient = (await domain.projects.create('Patient', { ...policy, deletion: { grace_seconds: 3600 } }))
  .project
const { teams, teamMembers, teamInvitations } = domain
const trusted = { ...stranger, provesProject: true }

interface Person {
  readonly principal: Principal
  readonly caller: typeof stranger
  readonly email: string
  readonly uuid: string
}

let people = 0
async function person(at: Project = project, verified = true): Promise<Person> {
  const email = `member-${++people}@example.com`
  const result = await domain.users.signUp(at, { email, password: 'a good long password' }, stranger)
  if (result.kind !== 'signed_in') throw new Error('not signed in')
  const { user, sessionId, generation } = result.grant
  if (verified) await sql`update users set email_verified_at = now() where id = ${user.id}`
  return { principal: { user, sessionId, generation }, caller: stranger, email, uuid: user.uuid }
}
const someTeam = async (admin: Person, at: Project = project) => teams.create(at, admin, 'Rockets')
const put = (teamId: string, who: Person, role: (typeof teamRoles)[number], at: Project = project) =>
  teamMembers.add(at, 'operator', teamId, { email: who.email, role })
interface Test {
  rejects(work: Promise<unknown>, wanted: Error, message: string): unknown
}
const refused = (t: Test, work: Promise<unknown>, code: string, message?: string) =>
  t.rejects(work, new AuthError(code as never), message ?? code)
const events = async ({ principal }: Person) =>
  (
    await sql`select event from audit_events where user_id = ${principal.user.id} and event like 'team_%' order by id`
  ).map(({ event }) => event)
const leave = (who: Person, at: Project) =>
  domain.account.leave(at, who.principal, stranger, 'a good long password')
const exists = async (teamId: string) => (await sql`select 1 from teams where id = ${teamId}`).length > 0

t.test('who makes a team is its ADMIN, and sees it with its members', async (t) => {
  const ada = await person()
  const made = await teams.create(project, ada, '  Rockets ')
  t.match(made, { name: 'Rockets', role: 'ADMIN', memberCount: 1 })
  await put(made.id, await person(), 'VIEWER')
  await put(made.id, await person(), 'BUILDER')
  t.same(await teams.list(project, ada.principal), [{ ...made, memberCount: 3 }])
  t.same(await teams.get(project, ada.principal, made.id), { ...made, memberCount: 3 })
  t.same(await teams.memberships(project, ada.principal.user.id), [
    { teamId: made.id, teamName: 'Rockets', role: 'ADMIN' },
  ])
  const roles = (await teamMembers.list(project, ada, made.id)).map(({ role }) => role)
  t.same(roles, ['ADMIN', 'BUILDER', 'VIEWER'], 'the highest role first')
  t.same(await events(ada), ['team_created'])
})

t.test('a name has 1 to 100 characters that can be seen', async (t) => {
  const ada = await person()
  for (const name of ['', '   ', 'x'.repeat(101), 'a\nb', 'a\u0000b', '\u2028a\u2028b'])
    await refused(t, teams.create(project, ada, name), 'team_name_invalid', encodeURI(name))
  t.equal((await teams.create(project, ada, '🚀'.repeat(100))).name.length, 200)
  await refused(t, teams.rename(project, ada, 'x', ' '), 'team_name_invalid')
})

t.test('every member reads a team, only its ADMINs change it, and to others it does not exist', async (t) => {
  const [ada, other] = [await person(), await person()]
  const team = await someTeam(ada)
  const foreign = await person(patient)
  for (const role of teamRoles.slice(1)) {
    const member = await person()
    const { userUuid } = await put(team.id, member, role)
    t.match(await teams.get(project, member.principal, team.id), { role })
    t.ok((await teamMembers.list(project, member, team.id)).length >= 2)
    const invite = { email: 'x@example.com', role: 'VIEWER', redirectTo: null } as const
    for (const work of [
      () => teams.rename(project, member, team.id, 'Mine'),
      () => teams.remove(project, member, team.id),
      () => teamMembers.add(project, member, team.id, { email: other.email, role: 'VIEWER' }),
      () => teamMembers.setRole(project, member, team.id, userUuid, 'ADMIN'),
      () => teamMembers.setRole(project, member, team.id, ada.uuid, 'VIEWER'),
      () => teamMembers.remove(project, member, team.id, ada.uuid),
      () => teamInvitations.create(project, member, team.id, invite),
      () => teamInvitations.list(project, member, team.id),
      () => teamInvitations.revoke(project, member, team.id, team.id),
    ])
      await refused(t, work(), 'team_role_insufficient', role)
    await teamMembers.remove(project, member, team.id, userUuid)
  }
  const invite = { email: 'x@example.com', role: 'VIEWER', redirectTo: null } as const
  for (const [at, who, id] of [
    [project, other, team.id],
    [patient, foreign, team.id],
    [project, ada, ada.uuid],
  ] as const)
    for (const work of [
      () => teams.get(at, who.principal, id),
      () => teams.rename(at, who, id, 'Mine'),
      () => teams.remove(at, who, id),
      () => teamMembers.list(at, who, id),
      () => teamMembers.add(at, who, id, { email: who.email, role: 'ADMIN' }),
      () => teamMembers.setRole(at, who, id, ada.uuid, 'VIEWER'),
      () => teamMembers.remove(at, who, id, ada.uuid),
      () => teamMembers.remove(at, who, id, who.uuid),
      () => teamInvitations.create(at, who, id, invite),
      () => teamInvitations.list(at, who, id),
      () => teamInvitations.revoke(at, who, id, id),
    ])
      await refused(t, work(), 'team_unknown')
  await refused(t, teams.find(patient, team.id), 'team_unknown', 'nor to the operator of another project')
  await refused(t, put(team.id, foreign, 'VIEWER', patient), 'team_unknown')
  await refused(t, put(team.id, foreign, 'VIEWER'), 'team_user_unknown')
  t.match(await teams.get(project, ada.principal, team.id), { name: 'Rockets', memberCount: 1 })
})

t.test('the last ADMIN cannot leave, be demoted or be removed', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const team = await someTeam(ada)
  await refused(t, teamMembers.remove(project, ada, team.id, ada.uuid), 'team_admin_needed', 'alone')
  await put(team.id, bob, 'BUILDER')
  await refused(t, teamMembers.remove(project, ada, team.id, ada.uuid), 'team_admin_needed')
  await refused(t, teamMembers.setRole(project, ada, team.id, ada.uuid, 'VIEWER'), 'team_admin_needed')
  await refused(t, teamMembers.remove(project, 'operator', team.id, ada.uuid), 'team_admin_needed')
  t.match(await teamMembers.setRole(project, ada, team.id, ada.uuid, 'ADMIN'), { role: 'ADMIN' })
  t.match(await teamMembers.setRole(project, ada, team.id, bob.uuid, 'ADMIN'), { role: 'ADMIN' })
  for (const state of ['disabled_at', 'deletion_due_at']) {
    await sql`update users set ${sql(state)} = now() + interval '1 day' where uuid = ${bob.uuid}`
    await refused(t, teamMembers.remove(project, ada, team.id, ada.uuid), 'team_admin_needed', state)
    await sql`update users set ${sql(state)} = null where uuid = ${bob.uuid}`
  }
  await teamMembers.remove(project, ada, team.id, ada.uuid)
  t.same(
    (await teamMembers.list(project, bob, team.id)).map(({ userUuid, role }) => [userUuid, role]),
    [[bob.uuid, 'ADMIN']],
  )
  t.same(await events(ada), ['team_created', 'team_left'])
  t.same(await events(bob), ['team_joined', 'team_role_changed'])
})

t.test('what happened is told in the trail of whom it happened to, without who did it', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const team = await someTeam(ada)
  await put(team.id, bob, 'VIEWER')
  await teamMembers.remove(project, ada, team.id, bob.uuid)
  await put(team.id, bob, 'VIEWER')
  await teams.remove(project, ada, team.id)
  t.same(await events(bob), ['team_joined', 'team_removed', 'team_joined', 'team_deleted'])
  t.same(await events(ada), ['team_created', 'team_deleted'])
  const rows = await sql`select address_prefix from audit_events where user_id = ${bob.principal.user.id}
    and event like 'team_%'`
  t.same(new Set(rows.map(({ address_prefix }) => address_prefix)), new Set([null]))
  t.notOk(await exists(team.id))
})

t.test('teams of a user, members of a team and open invitations are bounded', async (t) => {
  const ada = await person()
  const [team] = [await someTeam(ada), await someTeam(ada), await someTeam(ada)]
  await refused(t, someTeam(ada), 'team_limit_reached', 'teams of a user')
  const bob = await person()
  const theirs = await someTeam(bob)
  await refused(t, put(theirs.id, ada, 'VIEWER'), 'team_limit_reached', 'also by being added')
  for (let i = 0; i < 3; i++) await put(team.id, await person(), 'VIEWER')
  await refused(t, put(team.id, await person(), 'VIEWER'), 'team_limit_reached', 'members of a team')
  const invite = (email: string) =>
    teamInvitations.create(project, ada, team.id, { email, role: 'VIEWER', redirectTo: null })
  await invite('one@example.com')
  await invite('two@example.com')
  await invite('ONE@example.com ')
  await refused(t, invite('three@example.com'), 'team_limit_reached', 'open invitations')
  await sql`update team_invitations set expires_at = now() - interval '1 second' where email = 'two@example.com'`
  t.ok(await invite('three@example.com'))
})

t.test('only the owner of the invited, proven address accepts, and once', async (t) => {
  const [ada, bob, eve] = [await person(), await person(project, false), await person()]
  const team = await someTeam(ada)
  const invite = async (email: string, role: (typeof teamRoles)[number] = 'BUILDER') =>
    (
      await teamInvitations.create(project, { ...ada, caller: trusted }, team.id, {
        email,
        role,
        redirectTo: null,
      })
    ).token ?? ''
  const token = await invite(` ${bob.email.toUpperCase()}`)
  t.match(token, /^sti_/)
  t.same(await teamInvitations.look(project, token), {
    ...(await teamInvitations.look(project, token)),
    teamName: 'Rockets',
    email: bob.email,
  })
  await refused(t, teamInvitations.accept(project, eve, token), 'invalid_team_invitation', 'another address')
  await refused(t, teamInvitations.accept(project, bob, token), 'email_verification_required')
  await sql`update users set email_verified_at = now() where uuid = ${bob.uuid}`
  await refused(t, teamInvitations.accept(project, bob, `${token}x`), 'invalid_team_invitation')
  t.equal(await teamInvitations.look(patient, token), null, 'a token of another project')
  t.match(await teamInvitations.accept(project, bob, token), { id: team.id, role: 'BUILDER', memberCount: 2 })
  await refused(t, teamInvitations.accept(project, bob, token), 'invalid_team_invitation', 'once')
  t.same(await events(bob), ['team_joined'])
  await refused(t, invite(bob.email), 'team_member_already')

  const replaced = await invite(eve.email, 'VIEWER')
  const newest = await invite(eve.email, 'OPERATOR')
  await refused(t, teamInvitations.accept(project, eve, replaced), 'invalid_team_invitation', 'replaced')
  await sql`update team_invitations set expires_at = now() - interval '1 second' where email = ${eve.email}`
  await refused(t, teamInvitations.accept(project, eve, newest), 'invalid_team_invitation', 'expired')
  const revoked = await invite(eve.email)
  const [{ id } = { id: '' }] = await teamInvitations.list(project, ada, team.id)
  await teamInvitations.revoke(project, ada, team.id, id)
  await refused(t, teamInvitations.revoke(project, ada, team.id, id), 'team_invitation_unknown')
  await refused(t, teamInvitations.accept(project, eve, revoked), 'invalid_team_invitation', 'revoked')
})

t.test('an invitation stands for as long as an ADMIN speaks for it', async (t) => {
  const [ada, bob, eve] = [await person(), await person(), await person()]
  const team = await someTeam(ada)
  await put(team.id, bob, 'ADMIN')
  const invite = async (by: Person) =>
    (
      await teamInvitations.create(project, { ...by, caller: trusted }, team.id, {
        email: eve.email,
        role: 'ADMIN',
        redirectTo: null,
      })
    ).token ?? ''
  const demoted = await invite(bob)
  await teamMembers.setRole(project, ada, team.id, bob.uuid, 'BUILDER')
  await refused(t, teamInvitations.accept(project, eve, demoted), 'invalid_team_invitation', 'demoted')
  await teamMembers.setRole(project, ada, team.id, bob.uuid, 'ADMIN')
  const disabled = await invite(bob)
  await sql`update users set disabled_at = now() where uuid = ${bob.uuid}`
  await refused(t, teamInvitations.accept(project, eve, disabled), 'invalid_team_invitation', 'locked out')
  await sql`update users set disabled_at = null where uuid = ${bob.uuid}`
  const removed = await invite(bob)
  await teamMembers.remove(project, ada, team.id, bob.uuid)
  await refused(t, teamInvitations.accept(project, eve, removed), 'invalid_team_invitation', 'removed')
})

t.test(
  'an account leaves its teams: alone it takes them along, others are not left without an ADMIN',
  async (t) => {
    for (const at of [project, patient]) {
      const [ada, bob] = [await person(at), await person(at)]
      const [alone, shared] = [await someTeam(ada, at), await someTeam(ada, at)]
      await put(shared.id, bob, 'BUILDER', at)
      await refused(t, leave(ada, at), 'team_admin_needed')
      t.ok(await store.users.find(at.id, ada.principal.user.id))
      await teamMembers.setRole(at, ada, shared.id, bob.uuid, 'ADMIN')
      const invite = { email: 'late@example.com', role: 'ADMIN', redirectTo: null } as const
      await teamInvitations.create(at, ada, shared.id, invite)
      await leave(ada, at)
      t.same(await teamInvitations.list(at, bob, shared.id), [], 'what it invited to is withdrawn')
      await refused(t, teamMembers.remove(at, bob, shared.id, bob.uuid), 'team_admin_needed')
      if (at === patient) {
        t.ok(await exists(alone.id), 'while the account can come back')
        await sql`update users set deletion_due_at = now() - interval '1 second' where uuid = ${ada.uuid}`
        t.equal(await store.everywhere.leavers.removeDue(10), 1)
      }
      t.notOk(await exists(alone.id), 'nobody else was in it')
      t.match(await teams.get(at, bob.principal, shared.id), { memberCount: 1 })
      await leave(bob, at)
      if (at === patient) {
        await sql`update users set deletion_due_at = now() - interval '1 second' where uuid = ${bob.uuid}`
        await domain.users.signUp(at, { email: bob.email, password: 'a good long password' }, stranger)
      }
      t.notOk(await exists(shared.id), 'the last member went')
    }
  },
)

t.test('the accounts of a whole team that are due in one pass take it along', async (t) => {
  const [ada, bob] = [await person(patient), await person(patient)]
  const team = await someTeam(ada, patient)
  await put(team.id, bob, 'ADMIN', patient)
  await leave(ada, patient)
  await leave(bob, patient)
  await sql`update users set deletion_due_at = now() - interval '1 second' where uuid in ${sql([ada.uuid, bob.uuid])}`
  t.equal(await store.everywhere.leavers.removeDue(10), 2)
  t.notOk(await exists(team.id))
})

t.test('a team that an operator made waits for its first member', async (t) => {
  const { id } = await teams.createEmpty(project, 'Empty')
  await store.everywhere.leavers.removeDue(10)
  t.match(await teams.find(project, id), { name: 'Empty', memberCount: 0 })
  await put(id, await person(), 'ADMIN')
  t.ok((await teams.listAll(project)).some((team) => team.id === id && team.memberCount === 1))
  await teams.rename(project, 'operator', id, 'Full')
  await teams.remove(project, 'operator', id)
  t.notOk(await exists(id))
})

t.test(
  'a removed member, a demoted one and an expired invitation leave nothing to sweep but the last',
  async (t) => {
    const ada = await person()
    const team = await someTeam(ada)
    const invite = { email: 'never@example.com', role: 'VIEWER', redirectTo: null } as const
    await teamInvitations.create(project, ada, team.id, invite)
    await sql`update team_invitations set expires_at = now() - interval '2 days' where email = ${invite.email}`
    await store.everywhere.transaction((tx) => tx.sweeping.removeExpired('team_invitations', 0, 1000))
    t.same(await sql`select 1 from team_invitations where email = ${invite.email}`, [])
  },
)
