// Teams without HTTP: who may do what, never without an ADMIN, and what goes with an account.
import t from 'tap'
import { deleteAccount } from '../../src/domain/accounts/deletion.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { operatorContext, type SignedInContext } from '../../src/domain/context.ts'
import { AuthError } from '../../src/domain/errors.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import {
  acceptInvitation,
  invite,
  listInvitations,
  lookUpInvitation,
  revokeInvitation,
} from '../../src/domain/teams/invitations.ts'
import { addMember, listMembers, removeMember, setMemberRole } from '../../src/domain/teams/members.ts'
import {
  createEmptyTeam,
  createTeam,
  deleteTeam,
  findTeam,
  getTeam,
  listAllTeams,
  listMemberships,
  listTeams,
  renameTeam,
  teamRoles,
} from '../../src/domain/teams/teams.ts'
import { deleteDueUsers } from '../../src/repositories/accounts/deletion.ts'
import { findUser } from '../../src/repositories/accounts/users.ts'
import { deleteExpired } from '../../src/repositories/cleanup/expired-rows.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const policy = {
  teams: { max_per_user: 3, max_members: 4, max_invitations: 2, invitation_seconds: 3600 },
  verification: { delivery: 'app' },
}
const { sql, services, project, context, signedIn } = await createTestDomain(t, { policy })
const { unscoped } = services.stores
const patient = (await createProject(services, 'Patient', { ...policy, deletion: { grace_seconds: 3600 } }))
  .project
const trusted = { ...stranger, provesProject: true }

interface Person {
  readonly ctx: SignedInContext
  readonly email: string
  readonly uuid: string
}

let people = 0
async function person(at: Project = project, verified = true): Promise<Person> {
  const email = `member-${++people}@example.com`
  const password = 'a good long password'
  const result = await signUp(context(stranger, null, at), { email, password })
  if (result.kind !== 'signed_in') throw new Error('not signed in')
  const { user } = result.grant
  if (verified) await sql`update users set email_verified_at = now() where id = ${user.id}`
  const owner = verified ? { ...user, emailVerifiedAt: new Date() } : user
  return { ctx: signedIn({ ...result.grant, user: owner }, stranger, at), email, uuid: user.uuid }
}
/** The request of a back end with the project's secret, in a person's session. */
const byBackEnd = ({ ctx }: Person): SignedInContext => ({ ...ctx, caller: trusted })
const operator = (at: Project = project) => operatorContext(services, at)
const someTeam = async (admin: Person) => createTeam(admin.ctx, 'Rockets')
const put = (teamId: string, who: Person, role: (typeof teamRoles)[number], at: Project = project) =>
  addMember(operator(at), teamId, { email: who.email, role })
interface Test {
  rejects(work: Promise<unknown>, wanted: Error, message: string): unknown
}
const refused = (t: Test, work: Promise<unknown>, code: string, message?: string) =>
  t.rejects(work, new AuthError(code as never), message ?? code)
const events = async ({ ctx }: Person) =>
  (
    await sql`select event from audit_events where user_id = ${ctx.actor.user.id} and event like 'team_%' order by id`
  ).map(({ event }) => event)
const leave = (who: Person) => deleteAccount(who.ctx, 'a good long password')
const exists = async (teamId: string) => (await sql`select 1 from teams where id = ${teamId}`).length > 0

t.test('who makes a team is its ADMIN, and sees it with its members', async (t) => {
  const ada = await person()
  const made = await createTeam(ada.ctx, '  Rockets ')
  t.match(made, { name: 'Rockets', role: 'ADMIN', memberCount: 1 })
  await put(made.id, await person(), 'VIEWER')
  await put(made.id, await person(), 'BUILDER')
  t.same(await listTeams(ada.ctx), [{ ...made, memberCount: 3 }])
  t.same(await getTeam(ada.ctx, made.id), { ...made, memberCount: 3 })
  t.same(await listMemberships(ada.ctx, ada.ctx.actor.user.id), [
    { teamId: made.id, teamName: 'Rockets', role: 'ADMIN' },
  ])
  const roles = (await listMembers(ada.ctx, made.id)).map(({ role }) => role)
  t.same(roles, ['ADMIN', 'BUILDER', 'VIEWER'], 'the highest role first')
  t.same(await events(ada), ['team_created'])
})

t.test('a name has 1 to 100 characters that can be seen', async (t) => {
  const ada = await person()
  for (const name of ['', '   ', 'x'.repeat(101), 'a\nb', 'a\u0000b', '\u2028a\u2028b'])
    await refused(t, createTeam(ada.ctx, name), 'team_name_invalid', encodeURI(name))
  t.equal((await createTeam(ada.ctx, '🚀'.repeat(100))).name.length, 200)
  await refused(t, renameTeam(ada.ctx, 'x', ' '), 'team_name_invalid')
})

t.test('every member reads a team, only its ADMINs change it, and to others it does not exist', async (t) => {
  const [ada, other] = [await person(), await person()]
  const team = await someTeam(ada)
  const foreign = await person(patient)
  for (const role of teamRoles.slice(1)) {
    const member = await person()
    const { userUuid } = await put(team.id, member, role)
    t.match(await getTeam(member.ctx, team.id), { role })
    t.ok((await listMembers(member.ctx, team.id)).length >= 2)
    const wish = { email: 'x@example.com', role: 'VIEWER', redirectTo: null } as const
    for (const work of [
      () => renameTeam(member.ctx, team.id, 'Mine'),
      () => deleteTeam(member.ctx, team.id),
      () => addMember(member.ctx, team.id, { email: other.email, role: 'VIEWER' }),
      () => setMemberRole(member.ctx, team.id, userUuid, 'ADMIN'),
      () => setMemberRole(member.ctx, team.id, ada.uuid, 'VIEWER'),
      () => removeMember(member.ctx, team.id, ada.uuid),
      () => invite(member.ctx, team.id, wish),
      () => listInvitations(member.ctx, team.id),
      () => revokeInvitation(member.ctx, team.id, team.id),
    ])
      await refused(t, work(), 'team_role_insufficient', role)
    await removeMember(member.ctx, team.id, userUuid)
  }
  const wish = { email: 'x@example.com', role: 'VIEWER', redirectTo: null } as const
  for (const [who, id] of [
    [other, team.id],
    [foreign, team.id],
    [ada, ada.uuid],
  ] as const)
    for (const work of [
      () => getTeam(who.ctx, id),
      () => renameTeam(who.ctx, id, 'Mine'),
      () => deleteTeam(who.ctx, id),
      () => listMembers(who.ctx, id),
      () => addMember(who.ctx, id, { email: who.email, role: 'ADMIN' }),
      () => setMemberRole(who.ctx, id, ada.uuid, 'VIEWER'),
      () => removeMember(who.ctx, id, ada.uuid),
      () => removeMember(who.ctx, id, who.uuid),
      () => invite(who.ctx, id, wish),
      () => listInvitations(who.ctx, id),
      () => revokeInvitation(who.ctx, id, id),
    ])
      await refused(t, work(), 'team_unknown')
  await refused(
    t,
    findTeam(operator(patient), team.id),
    'team_unknown',
    'nor to the operator of another project',
  )
  await refused(t, put(team.id, foreign, 'VIEWER', patient), 'team_unknown')
  await refused(t, put(team.id, foreign, 'VIEWER'), 'team_user_unknown')
  t.match(await getTeam(ada.ctx, team.id), { name: 'Rockets', memberCount: 1 })
})

t.test('the last ADMIN cannot leave, be demoted or be removed', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const team = await someTeam(ada)
  await refused(t, removeMember(ada.ctx, team.id, ada.uuid), 'team_admin_needed', 'alone')
  await put(team.id, bob, 'BUILDER')
  await refused(t, removeMember(ada.ctx, team.id, ada.uuid), 'team_admin_needed')
  await refused(t, setMemberRole(ada.ctx, team.id, ada.uuid, 'VIEWER'), 'team_admin_needed')
  await refused(t, removeMember(operator(), team.id, ada.uuid), 'team_admin_needed')
  t.match(await setMemberRole(ada.ctx, team.id, ada.uuid, 'ADMIN'), { role: 'ADMIN' })
  t.match(await setMemberRole(ada.ctx, team.id, bob.uuid, 'ADMIN'), { role: 'ADMIN' })
  for (const state of ['disabled_at', 'deletion_due_at']) {
    await sql`update users set ${sql(state)} = now() + interval '1 day' where uuid = ${bob.uuid}`
    await refused(t, removeMember(ada.ctx, team.id, ada.uuid), 'team_admin_needed', state)
    await sql`update users set ${sql(state)} = null where uuid = ${bob.uuid}`
  }
  await removeMember(ada.ctx, team.id, ada.uuid)
  t.same(
    (await listMembers(bob.ctx, team.id)).map(({ userUuid, role }) => [userUuid, role]),
    [[bob.uuid, 'ADMIN']],
  )
  t.same(await events(ada), ['team_created', 'team_left'])
  t.same(await events(bob), ['team_joined', 'team_role_changed'])
})

t.test('what happened is told in the trail of whom it happened to, without who did it', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const team = await someTeam(ada)
  await put(team.id, bob, 'VIEWER')
  await removeMember(ada.ctx, team.id, bob.uuid)
  await put(team.id, bob, 'VIEWER')
  await deleteTeam(ada.ctx, team.id)
  t.same(await events(bob), ['team_joined', 'team_removed', 'team_joined', 'team_deleted'])
  t.same(await events(ada), ['team_created', 'team_deleted'])
  const rows = await sql`select address_prefix from audit_events where user_id = ${bob.ctx.actor.user.id}
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
  const send = (email: string) => invite(ada.ctx, team.id, { email, role: 'VIEWER', redirectTo: null })
  await send('one@example.com')
  await send('two@example.com')
  await send('ONE@example.com ')
  await refused(t, send('three@example.com'), 'team_limit_reached', 'open invitations')
  await sql`update team_invitations set expires_at = now() - interval '1 second' where email = 'two@example.com'`
  t.ok(await send('three@example.com'))
})

t.test('only the owner of the invited, proven address accepts, and once', async (t) => {
  const [ada, bob, eve] = [await person(), await person(project, false), await person()]
  const team = await someTeam(ada)
  const send = async (email: string, role: (typeof teamRoles)[number] = 'BUILDER') =>
    (
      await invite(byBackEnd(ada), team.id, {
        email,
        role,
        redirectTo: null,
      })
    ).token ?? ''
  const token = await send(` ${bob.email.toUpperCase()}`)
  t.match(token, /^sti_/)
  t.same(await lookUpInvitation(context(), token), {
    ...(await lookUpInvitation(context(), token)),
    teamName: 'Rockets',
    email: bob.email,
  })
  await refused(t, acceptInvitation(eve.ctx, token), 'invalid_team_invitation', 'another address')
  await refused(t, acceptInvitation(bob.ctx, token), 'email_verification_required')
  await sql`update users set email_verified_at = now() where uuid = ${bob.uuid}`
  await refused(t, acceptInvitation(bob.ctx, `${token}x`), 'invalid_team_invitation')
  t.equal(await lookUpInvitation(context(stranger, null, patient), token), null, 'a token of another project')
  t.match(await acceptInvitation(bob.ctx, token), { id: team.id, role: 'BUILDER', memberCount: 2 })
  await refused(t, acceptInvitation(bob.ctx, token), 'invalid_team_invitation', 'once')
  t.same(await events(bob), ['team_joined'])
  await refused(t, send(bob.email), 'team_member_already')

  const replaced = await send(eve.email, 'VIEWER')
  const newest = await send(eve.email, 'OPERATOR')
  await refused(t, acceptInvitation(eve.ctx, replaced), 'invalid_team_invitation', 'replaced')
  await sql`update team_invitations set expires_at = now() - interval '1 second' where email = ${eve.email}`
  await refused(t, acceptInvitation(eve.ctx, newest), 'invalid_team_invitation', 'expired')
  const revoked = await send(eve.email)
  const [{ id } = { id: '' }] = await listInvitations(ada.ctx, team.id)
  await revokeInvitation(ada.ctx, team.id, id)
  await refused(t, revokeInvitation(ada.ctx, team.id, id), 'team_invitation_unknown')
  await refused(t, acceptInvitation(eve.ctx, revoked), 'invalid_team_invitation', 'revoked')
})

t.test('an invitation stands for as long as an ADMIN speaks for it', async (t) => {
  const [ada, bob, eve] = [await person(), await person(), await person()]
  const team = await someTeam(ada)
  await put(team.id, bob, 'ADMIN')
  const send = async (by: Person) =>
    (
      await invite(byBackEnd(by), team.id, {
        email: eve.email,
        role: 'ADMIN',
        redirectTo: null,
      })
    ).token ?? ''
  const demoted = await send(bob)
  await setMemberRole(ada.ctx, team.id, bob.uuid, 'BUILDER')
  await refused(t, acceptInvitation(eve.ctx, demoted), 'invalid_team_invitation', 'demoted')
  await setMemberRole(ada.ctx, team.id, bob.uuid, 'ADMIN')
  const disabled = await send(bob)
  await sql`update users set disabled_at = now() where uuid = ${bob.uuid}`
  await refused(t, acceptInvitation(eve.ctx, disabled), 'invalid_team_invitation', 'locked out')
  await sql`update users set disabled_at = null where uuid = ${bob.uuid}`
  const removed = await send(bob)
  await removeMember(ada.ctx, team.id, bob.uuid)
  await refused(t, acceptInvitation(eve.ctx, removed), 'invalid_team_invitation', 'removed')
})

t.test(
  'an account leaves its teams: alone it takes them along, others are not left without an ADMIN',
  async (t) => {
    for (const at of [project, patient]) {
      const [ada, bob] = [await person(at), await person(at)]
      const [alone, shared] = [await someTeam(ada), await someTeam(ada)]
      await put(shared.id, bob, 'BUILDER', at)
      await refused(t, leave(ada), 'team_admin_needed')
      t.ok(await findUser(ada.ctx.store, ada.ctx.actor.user.id))
      await setMemberRole(ada.ctx, shared.id, bob.uuid, 'ADMIN')
      const wish = { email: 'late@example.com', role: 'ADMIN', redirectTo: null } as const
      await invite(ada.ctx, shared.id, wish)
      await leave(ada)
      t.same(await listInvitations(bob.ctx, shared.id), [], 'what it invited to is withdrawn')
      await refused(t, removeMember(bob.ctx, shared.id, bob.uuid), 'team_admin_needed')
      if (at === patient) {
        t.ok(await exists(alone.id), 'while the account can come back')
        await sql`update users set deletion_due_at = now() - interval '1 second' where uuid = ${ada.uuid}`
        t.equal(await deleteDueUsers(unscoped, 10), 1)
      }
      t.notOk(await exists(alone.id), 'nobody else was in it')
      t.match(await getTeam(bob.ctx, shared.id), { memberCount: 1 })
      await leave(bob)
      if (at === patient) {
        await sql`update users set deletion_due_at = now() - interval '1 second' where uuid = ${bob.uuid}`
        await signUp(context(stranger, null, at), { email: bob.email, password: 'a good long password' })
      }
      t.notOk(await exists(shared.id), 'the last member went')
    }
  },
)

t.test('the accounts of a whole team that are due in one pass take it along', async (t) => {
  const [ada, bob] = [await person(patient), await person(patient)]
  const team = await someTeam(ada)
  await put(team.id, bob, 'ADMIN', patient)
  await leave(ada)
  await leave(bob)
  await sql`update users set deletion_due_at = now() - interval '1 second' where uuid in ${sql([ada.uuid, bob.uuid])}`
  t.equal(await deleteDueUsers(unscoped, 10), 2)
  t.notOk(await exists(team.id))
})

t.test('a team that an operator made waits for its first member', async (t) => {
  const { id } = await createEmptyTeam(operator(), 'Empty')
  await deleteDueUsers(unscoped, 10)
  t.match(await findTeam(operator(), id), { name: 'Empty', memberCount: 0 })
  await put(id, await person(), 'ADMIN')
  t.ok((await listAllTeams(operator())).some((team) => team.id === id && team.memberCount === 1))
  await renameTeam(operator(), id, 'Full')
  await deleteTeam(operator(), id)
  t.notOk(await exists(id))
})

t.test(
  'a removed member, a demoted one and an expired invitation leave nothing to sweep but the last',
  async (t) => {
    const ada = await person()
    const team = await someTeam(ada)
    const wish = { email: 'never@example.com', role: 'VIEWER', redirectTo: null } as const
    await invite(ada.ctx, team.id, wish)
    await sql`update team_invitations set expires_at = now() - interval '2 days' where email = ${wish.email}`
    await unscoped.transaction((tx) => deleteExpired(tx, 'team_invitations', 0, 1000))
    t.same(await sql`select 1 from team_invitations where email = ${wish.email}`, [])
  },
)
