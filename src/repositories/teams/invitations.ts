// Rows of `team_invitations`. A transaction that inserts, revokes or accepts an invitation must have locked its team (`lockTeam`).
import { and, asc, eq, gt, isNull, ne } from 'drizzle-orm'
import { teamInvitations as table } from '../../../drizzle/tables/team-invitations.ts'
import { teams } from '../../../drizzle/tables/teams.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { now, ofUser, own, pick, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows, one } from '../database.ts'
import { ofTeam, teamOf } from './teams.ts'

type Row = typeof table.$inferSelect

/** An invitation as the ADMINs of the team see it; `invitedBy`: UUID of the member who sent it. */
export type TeamInvitation = Awaited<ReturnType<typeof listInvitations>>[number]

/** An invitation that `userId` sends. `tokenHash` is null if the token is derived when the mail is sent. */
export type NewTeamInvitation = Pick<Row, 'id' | 'teamId' | 'userId' | 'email' | 'role' | 'tokenHash'> & {
  readonly lifetimeSeconds: number
}

const isOpen = gt(table.expiresAt, now)
const id = { id: table.id }

/** Inserts an invitation; it replaces an earlier one for the same address, whose link becomes void. */
export function insertInvitation(
  db: Database,
  { lifetimeSeconds, ...invitation }: NewTeamInvitation,
): Promise<Pick<TeamInvitation, 'createdAt' | 'expiresAt'>> {
  const { id, userId, role, tokenHash } = invitation
  const expiresAt = secondsFromNow(lifetimeSeconds)
  return one(
    db.queries
      .insert(table)
      .values({ ...invitation, projectId: db.projectId, expiresAt })
      .onConflictDoUpdate({
        target: [table.projectId, table.teamId, table.email],
        set: { id, userId, role, tokenHash, createdAt: now, expiresAt },
      })
      .returning(pick(table, 'createdAt', 'expiresAt')),
  )
}

/** Lists the invitations that are open or whose mail is queued, the oldest first. */
export async function listInvitations(db: Database, teamId: string) {
  const columns = pick(table, 'id', 'teamId', 'email', 'role', 'createdAt', 'expiresAt')
  return db.queries
    .select({ ...columns, invitedBy: users.uuid })
    .from(table)
    .innerJoin(users, userOf(table))
    .where(and(ofTeam(table, db, teamId), isOpen))
    .orderBy(asc(table.createdAt), asc(table.id))
}

/** Counts open invitations of other addresses to the team. */
export async function countOtherInvitations(db: Database, teamId: string, email: string): Promise<number> {
  return db.queries.$count(table, and(ofTeam(table, db, teamId), ne(table.email, email), isOpen))
}

/** Deletes an open invitation that is accepted or revoked. @returns false: it is unknown, accepted or expired */
export function deleteInvitation(db: Database, teamId: string, invitationId: string): Promise<boolean> {
  const where = and(ofTeam(table, db, teamId), eq(table.id, invitationId), isOpen)
  return hasRows(db.queries.delete(table).where(where).returning(id))
}

/** Deletes the invitation of an address to a team. */
export async function deleteInvitationsByEmail(db: Database, teamId: string, email: string): Promise<void> {
  await db.queries.delete(table).where(and(ofTeam(table, db, teamId), eq(table.email, email)))
}

/**
 * Deletes the invitations that a user sent.
 * @param teamId only those to this team; default: to all teams
 */
export function revokeInvitationsOfUser(db: Database, userId: number, teamId?: string): Promise<boolean> {
  const ofThatTeam = teamId === undefined ? undefined : eq(table.teamId, teamId)
  const sent = and(ofUser(table, db, userId), ofThatTeam)
  return hasRows(db.queries.delete(table).where(sent).returning({ id: table.id }))
}

/** Sets the token of an invitation whose mail is about to be sent, and restarts its lifetime. @returns false: it is not open any more */
export function setInvitationToken(
  db: Database,
  invitationId: string,
  tokenHash: Buffer,
  lifetimeSeconds: number,
): Promise<boolean> {
  const change = { tokenHash, expiresAt: secondsFromNow(lifetimeSeconds) }
  const where = and(own(table, db), eq(table.id, invitationId), isOpen)
  return hasRows(db.queries.update(table).set(change).where(where).returning(id))
}

/** Finds the open invitation of a token, unless the account of its sender is disabled. */
export function findOpenInvitation(db: Database, tokenHash: Buffer) {
  return first(
    db.queries
      .select({ ...pick(table, 'id', 'teamId', 'email', 'role'), teamName: teams.name })
      .from(table)
      .innerJoin(teams, teamOf(table))
      .innerJoin(users, userOf(table))
      .where(and(own(table, db), eq(table.tokenHash, tokenHash), isOpen, isNull(users.disabledAt))),
  )
}
