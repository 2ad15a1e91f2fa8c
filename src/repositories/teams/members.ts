// Rows of `team_members`. A transaction that changes one must have locked its team (`lockTeam`).
import { and, asc, eq, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { teamMembers as table } from '../../../drizzle/tables/team-members.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { ofUser, pick } from '../conditions.ts'
import { type Database, first, hasRows } from '../database.ts'
import { ofTeam, type TeamRole } from './teams.ts'

const columns = {
  ...pick(table, 'teamId', 'userId', 'role'),
  ...pick(users, 'email', 'displayName', 'firstName', 'lastName', 'avatarId'),
  userUuid: users.uuid,
  joinedAt: table.createdAt,
}

/** A member as the other members of the team see them. */
export type TeamMember = Awaited<ReturnType<typeof selectMembers>>[number]

const thisMember = (db: Database, teamId: string, userId: number) =>
  and(ofTeam(table, db, teamId), eq(table.userId, userId))

const selectMembers = (db: Database, teamId: string, which?: SQL) =>
  db.queries
    .select(columns)
    .from(table)
    .innerJoin(users, userOf(table))
    .where(and(ofTeam(table, db, teamId), which))

/** Inserts a member. @returns false: the user is a member already, and keeps their role */
export function insertMember(
  db: Database,
  member: Pick<typeof table.$inferInsert, 'teamId' | 'userId' | 'role'>,
): Promise<boolean> {
  const values = { ...member, projectId: db.projectId }
  return hasRows(
    db.queries.insert(table).values(values).onConflictDoNothing().returning({ userId: table.userId }),
  )
}

/** Lists the members of a team, the highest role first, and the oldest first within a role. */
export async function listMembers(db: Database, teamId: string): Promise<TeamMember[]> {
  const rank = sql`array_position(array['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER'], ${table.role})`
  return selectMembers(db, teamId).orderBy(rank, asc(table.createdAt), asc(table.userId))
}

export function findMember(db: Database, teamId: string, userUuid: string): Promise<TeamMember | null> {
  return first(selectMembers(db, teamId, eq(users.uuid, userUuid)))
}

export function findMemberByEmail(db: Database, teamId: string, email: string): Promise<TeamMember | null> {
  return first(selectMembers(db, teamId, eq(users.email, email)))
}

/** Finds the role of a user in a team; null: they are no member. */
export async function findMemberRole(db: Database, teamId: string, userId: number): Promise<TeamRole | null> {
  const member = thisMember(db, teamId, userId)
  const row = await first(db.queries.select({ role: table.role }).from(table).where(member))
  return row?.role ?? null
}

export async function updateMemberRole(
  db: Database,
  teamId: string,
  userId: number,
  role: TeamRole,
): Promise<void> {
  const member = thisMember(db, teamId, userId)
  await db.queries.update(table).set({ role }).where(member)
}

export async function deleteMember(db: Database, teamId: string, userId: number): Promise<void> {
  await db.queries.delete(table).where(thisMember(db, teamId, userId))
}

export async function countMembers(db: Database, teamId: string): Promise<number> {
  return db.queries.$count(table, ofTeam(table, db, teamId))
}

/** Counts the teams of a user. */
export async function countTeamsOfUser(db: Database, userId: number): Promise<number> {
  return db.queries.$count(table, ofUser(table, db, userId))
}

/** Whether the team has another ADMIN whose account is neither disabled nor about to be deleted. */
export function hasOtherAdmin(db: Database, teamId: string, userId: number): Promise<boolean> {
  const isPresent = and(isNull(users.disabledAt), isNull(users.deletionDueAt))
  const isOther = and(ne(table.userId, userId), eq(table.role, 'ADMIN'), isPresent)
  return hasRows(selectMembers(db, teamId, isOther).limit(1))
}
