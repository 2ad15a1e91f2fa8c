// Members of a team: added, changed and removed. A team with an ADMIN always keeps at least one.
import { normalizeEmail } from '../../formats.ts'
import { findUserByEmail, lockUser, mayHoldRights, type UserRow } from '../../repositories/accounts/users.ts'
import { deleteInvitationsByEmail, revokeInvitationsOfUser } from '../../repositories/teams/invitations.ts'
import * as rows from '../../repositories/teams/members.ts'
import { findTeam, lockTeam, type TeamRole } from '../../repositories/teams/teams.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { AuthError } from '../errors.ts'
import { lockTeamForChange, mustBeAdmin, type TeamManagerContext, type TeamReaderContext } from './teams.ts'

export type TeamMember = rows.TeamMember

/**
 * Adds a member to a team. In a transaction that has locked the account and the team.
 * @returns false: the user is a member already
 * @throws AuthError team_limit_reached
 */
export async function joinTeam(tx: Context, teamId: string, user: UserRow, role: TeamRole): Promise<boolean> {
  const { max_members, max_per_user } = tx.project.policy.teams
  if ((await rows.findMemberRole(tx.store, teamId, user.id)) !== null) return false
  if ((await rows.countMembers(tx.store, teamId)) >= max_members) throw new AuthError('team_limit_reached')
  if ((await rows.countTeamsOfUser(tx.store, user.id)) >= max_per_user)
    throw new AuthError('team_limit_reached')
  await rows.insertMember(tx.store, { teamId, userId: user.id, role })
  return true
}

/** Records an event of a member. Their audit trail does not show the network and device of another user who acted. */
function recordOfMember(
  tx: Context,
  event: 'team_joined' | 'team_role_changed' | 'team_left' | 'team_removed',
  { teamId, userId }: Pick<TeamMember, 'teamId' | 'userId'>,
): Promise<void> {
  return record(tx, event, { userId, teamId, showsCaller: tx.actor?.user.id === userId })
}

async function mustFindMember(tx: Context, teamId: string, userUuid: string): Promise<TeamMember> {
  const member = await rows.findMember(tx.store, teamId, userUuid)
  if (!member) throw new AuthError('team_member_unknown')
  return member
}

/** Prepares that a member stops being an ADMIN, in a transaction that has locked the team. @throws AuthError team_admin_needed */
async function endAdminRole(tx: Context, { teamId, userId, role }: TeamMember): Promise<void> {
  if (role !== 'ADMIN') return
  if (!(await rows.hasOtherAdmin(tx.store, teamId, userId))) throw new AuthError('team_admin_needed')
  // A former ADMIN must not return by an invitation of their own.
  await revokeInvitationsOfUser(tx.store, userId, teamId)
}

/** The caller's role in a team; an operator has the rights of an ADMIN. @throws AuthError team_unknown */
async function roleIn(ctx: TeamReaderContext, teamId: string): Promise<TeamRole> {
  const role =
    ctx.actor === null
      ? (await findTeam(ctx.store, teamId)) && 'ADMIN'
      : await rows.findMemberRole(ctx.store, teamId, ctx.actor.user.id)
  if (role === null) throw new AuthError('team_unknown')
  return role
}

/** Lists the members for any member of the team, the highest role first. @throws AuthError team_unknown */
export async function listMembers(ctx: TeamReaderContext, teamId: string): Promise<TeamMember[]> {
  await roleIn(ctx, teamId)
  return rows.listMembers(ctx.store, teamId)
}

/**
 * Adds the account of an address without an invitation. The answer shows whether the address has an account, so this is for operators
 * and the application only. An account with an unproven address, which may belong to another person, is added only with `force`.
 * @throws AuthError team_unknown, team_role_insufficient, team_user_unknown, account_unproven, team_member_already,
 *   team_limit_reached
 */
export async function addMember(
  ctx: TeamManagerContext,
  teamId: string,
  { email: given, role, force = false }: { email: string; role: TeamRole; force?: boolean },
): Promise<TeamMember> {
  const email = normalizeEmail(given)
  mustBeAdmin(await roleIn(ctx, teamId))
  return inTransaction(ctx, async (tx) => {
    const account = await findUserByEmail(tx.store, email)
    const user = account && (await lockUser(tx.store, account.id))
    await lockTeamForChange(tx, teamId)
    if (!user || user.deletionDueAt) throw new AuthError('team_user_unknown')
    if (!force && !mayHoldRights(user)) throw new AuthError('account_unproven')
    if (!(await joinTeam(tx, teamId, user, role))) throw new AuthError('team_member_already')
    await deleteInvitationsByEmail(tx.store, teamId, email)
    await recordOfMember(tx, 'team_joined', { teamId, userId: user.id })
    return mustFindMember(tx, teamId, user.uuid)
  })
}

/** Changes the role of a member. @throws AuthError team_unknown, team_role_insufficient, team_member_unknown, team_admin_needed */
export function setMemberRole(
  ctx: TeamManagerContext,
  teamId: string,
  userUuid: string,
  role: TeamRole,
): Promise<TeamMember> {
  return inTransaction(ctx, async (tx) => {
    await lockTeamForChange(tx, teamId)
    const member = await mustFindMember(tx, teamId, userUuid)
    if (member.role === role) return member
    await endAdminRole(tx, member)
    await rows.updateMemberRole(tx.store, teamId, member.userId, role)
    await recordOfMember(tx, 'team_role_changed', member)
    return { ...member, role }
  })
}

/**
 * Removes a member, for an ADMIN or for the member themselves.
 * @throws AuthError team_unknown, team_role_insufficient, team_member_unknown, team_admin_needed
 */
export async function removeMember(ctx: TeamManagerContext, teamId: string, userUuid: string): Promise<void> {
  const leaves = ctx.actor?.user.uuid === userUuid.toLowerCase()
  await inTransaction(ctx, async (tx) => {
    if (leaves) await lockTeam(tx.store, teamId)
    else await lockTeamForChange(tx, teamId)
    const member = await rows.findMember(tx.store, teamId, userUuid)
    if (!member) throw new AuthError(leaves ? 'team_unknown' : 'team_member_unknown')
    await endAdminRole(tx, member)
    await rows.deleteMember(tx.store, teamId, member.userId)
    await recordOfMember(tx, leaves ? 'team_left' : 'team_removed', member)
  })
}
