// Teams: created, read, renamed and deleted. Only ADMINs change a team; a user who is no member is told that it is unknown.
import { randomUUID } from 'node:crypto'
import { lockUser } from '../../repositories/accounts/users.ts'
import { insertAuditEventsForTeam } from '../../repositories/audit/audit-events.ts'
import { countTeamsOfUser, findMemberRole, insertMember } from '../../repositories/teams/members.ts'
import * as rows from '../../repositories/teams/teams.ts'
import { record, recordInLog } from '../audit/audit.ts'
import {
  type ActorContext,
  type Context,
  inTransaction,
  type OperatorContext,
  type SignedInContext,
} from '../context.ts'
import { AuthError } from '../errors.ts'

export type { Membership, TeamOfUser, TeamRole } from '../../repositories/teams/teams.ts'

export const teamRoles: readonly rows.TeamRole[] = ['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER']

const maxNameLength = 100

/** A request that changes a team: by a user in a session, or by an operator, who has the rights of an ADMIN. */
export type TeamManagerContext = SignedInContext | OperatorContext

/** A request that reads a team: by a member, in a session or by an API key, or by an operator. */
export type TeamReaderContext = ActorContext | OperatorContext

/**
 * Locks a team and checks that the caller may change it. A transaction that also locks an account does that before.
 * @throws AuthError team_unknown (also to a user who is no member), team_role_insufficient
 */
export async function lockTeamForChange(tx: TeamManagerContext, teamId: string): Promise<rows.TeamRow> {
  const team = await rows.lockTeam(tx.store, teamId)
  if (!team) throw new AuthError('team_unknown')
  if (tx.actor) mustBeAdmin(await findMemberRole(tx.store, teamId, tx.actor.user.id))
  return team
}

/** @throws AuthError team_unknown, team_role_insufficient */
export function mustBeAdmin(role: rows.TeamRole | null): void {
  if (role === null) throw new AuthError('team_unknown')
  if (role !== 'ADMIN') throw new AuthError('team_role_insufficient')
}

function normalizeTeamName(given: string): string {
  const name = given.trim()
  if (name === '' || [...name].length > maxNameLength || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name))
    throw new AuthError('team_name_invalid')
  return name
}

/** Lists the teams of the user with their role in each, the oldest first; at most `teams.max_per_user`. */
export function listTeams(ctx: ActorContext): Promise<rows.TeamOfUser[]> {
  return rows.listTeamsOfUser(ctx.store, ctx.actor.user.id)
}

/** Lists only names and roles, in one prepared statement, for the answer to a sign-in. */
export function listMemberships(ctx: Context, userId: number): Promise<rows.Membership[]> {
  return rows.listMemberships(ctx.store, userId)
}

/** Reads a team as its member sees it. @throws AuthError team_unknown */
export async function getTeam(ctx: ActorContext, teamId: string): Promise<rows.TeamOfUser> {
  const team = await rows.findTeamOfUser(ctx.store, ctx.actor.user.id, teamId)
  if (!team) throw new AuthError('team_unknown')
  return team
}

/** Creates a team with the user as its ADMIN. @throws AuthError team_name_invalid, team_limit_reached, unauthenticated */
export async function createTeam(ctx: SignedInContext, given: string): Promise<rows.TeamOfUser> {
  const name = normalizeTeamName(given)
  const userId = ctx.actor.user.id
  return inTransaction(ctx, async (tx) => {
    // Locked, so that two concurrent requests do not exceed the limit.
    if (!(await lockUser(tx.store, userId))) throw new AuthError('unauthenticated')
    if ((await countTeamsOfUser(tx.store, userId)) >= tx.project.policy.teams.max_per_user)
      throw new AuthError('team_limit_reached')
    const team = await rows.insertTeam(tx.store, { id: randomUUID(), name })
    await insertMember(tx.store, { teamId: team.id, userId, role: 'ADMIN' })
    await record(tx, 'team_created', { userId, teamId: team.id })
    return { ...team, role: 'ADMIN', memberCount: 1 }
  })
}

/**
 * Renames a team.
 * @param given undefined: only check that the caller may
 * @throws AuthError team_name_invalid, team_unknown, team_role_insufficient
 */
export async function renameTeam(
  ctx: TeamManagerContext,
  teamId: string,
  given: string | undefined,
): Promise<void> {
  const name = given === undefined ? null : normalizeTeamName(given)
  await inTransaction(ctx, async (tx) => {
    await lockTeamForChange(tx, teamId)
    if (name !== null) await rows.updateTeamName(tx.store, teamId, name)
  })
}

/** Deletes a team with its members and invitations. @throws AuthError team_unknown, team_role_insufficient */
export async function deleteTeam(ctx: TeamManagerContext, teamId: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    await lockTeamForChange(tx, teamId)
    const own = tx.actor?.user.id ?? null
    await insertAuditEventsForTeam(tx.store, teamId, 'team_deleted', own)
    if (own !== null) await record(tx, 'team_deleted', { userId: own, teamId })
    else await recordInLog(tx, 'team_deleted', { details: { team_id: teamId } })
    await rows.deleteTeam(tx.store, teamId)
  })
}

/** Creates a team without members, for an operator. @throws AuthError team_name_invalid */
export async function createEmptyTeam(ctx: Context, given: string): Promise<rows.TeamRow> {
  const name = normalizeTeamName(given)
  return inTransaction(ctx, async (tx) => {
    const team = await rows.insertTeam(tx.store, { id: randomUUID(), name })
    await recordInLog(tx, 'team_created', { details: { team_id: team.id } })
    return team
  })
}

/** Lists all teams of the project, for an operator. */
export function listAllTeams(ctx: Context): Promise<rows.CountedTeam[]> {
  return rows.listTeams(ctx.store)
}

/** Finds any team of the project, for an operator. @throws AuthError team_unknown */
export async function findTeam(ctx: Context, teamId: string): Promise<rows.CountedTeam> {
  const team = await rows.findTeam(ctx.store, teamId)
  if (!team) throw new AuthError('team_unknown')
  return team
}
