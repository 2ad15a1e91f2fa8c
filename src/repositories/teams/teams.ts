// Rows of `teams`, as members and operators see them.
import { and, asc, count, eq, getTableColumns, inArray, type SQL, sql } from 'drizzle-orm'
import { alias, type PgColumn } from 'drizzle-orm/pg-core'
import { teamMembers } from '../../../drizzle/tables/team-members.ts'
import { teams } from '../../../drizzle/tables/teams.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { ofUser, own, parameter, parameters } from '../conditions.ts'
import { type Database, first, hasRows, one, parts, prepared } from '../database.ts'

export type TeamRow = typeof teams.$inferSelect
export type TeamRole = typeof teamMembers.$inferSelect.role
/** A team as operators see it. */
export type CountedTeam = TeamRow & { readonly memberCount: number }
/** A team as one of its members sees it, with their own role. */
export type TeamOfUser = CountedTeam & { readonly role: TeamRole }
export type Membership = { readonly teamId: string; readonly teamName: string; readonly role: TeamRole }

interface TeamTable {
  readonly projectId: PgColumn
  readonly teamId: PgColumn
}

/** Joins the team of a row. */
export const teamOf = (row: TeamTable) => and(eq(teams.projectId, row.projectId), eq(teams.id, row.teamId))
/** The condition for rows of one team. */
export const ofTeam = (table: TeamTable, db: Database, teamId: string) =>
  and(own(table, db), eq(table.teamId, teamId))
const thisTeam = (db: Database, id: string) => and(own(teams, db), eq(teams.id, id))

/** An alias of the table, to count the members of a team in the same statement. */
const other = alias(teamMembers, 'other')
const memberCount = sql<number>`(${parts
  .select({ members: count() })
  .from(other)
  .where(teamOf(other))})`.mapWith(Number)
const counted = { ...getTableColumns(teams), memberCount }
const oldestFirst = [asc(teams.createdAt), asc(teams.id)]
const ofThisUser = ofUser(teamMembers, parameters, parameter('userId'))

const selectOfUser = (where: SQL | undefined, name: string) =>
  prepared((query) =>
    query
      .select({ ...counted, role: teamMembers.role })
      .from(teamMembers)
      .innerJoin(teams, teamOf(teamMembers))
      .where(where)
      .orderBy(...oldestFirst)
      .prepare(name),
  )
const allOfUser = selectOfUser(ofThisUser, 'teams_of_user')
const oneOfUser = selectOfUser(and(ofThisUser, eq(teamMembers.teamId, parameter('teamId'))), 'team_of_user')
const memberships = prepared((query) =>
  query
    .select({ teamId: teams.id, teamName: teams.name, role: teamMembers.role })
    .from(teamMembers)
    .innerJoin(teams, teamOf(teamMembers))
    .where(ofThisUser)
    .orderBy(...oldestFirst)
    .prepare('memberships_of_user'),
)

export function insertTeam(db: Database, team: Pick<TeamRow, 'id' | 'name'>): Promise<TeamRow> {
  const values = { ...team, projectId: db.projectId }
  return one(db.queries.insert(teams).values(values).returning())
}

/** Lists the teams of a user, the oldest first. */
export function listTeamsOfUser(db: Database, userId: number): Promise<TeamOfUser[]> {
  return allOfUser(db, { userId })
}

/** Lists only names and roles, for the answer to a sign-in: one statement on two indexes, without a count of members. */
export function listMemberships(db: Database, userId: number): Promise<Membership[]> {
  return memberships(db, { userId })
}

/** Finds a team of the user; null: it is unknown, or the user is no member. */
export function findTeamOfUser(db: Database, userId: number, teamId: string): Promise<TeamOfUser | null> {
  return first(oneOfUser(db, { userId, teamId }))
}

/** Finds any team of the project, for an operator. */
export function findTeam(db: Database, id: string): Promise<CountedTeam | null> {
  return first(db.queries.select(counted).from(teams).where(thisTeam(db, id)))
}

/** Lists every team of the project, for an operator, the oldest first. */
export async function listTeams(db: Database): Promise<CountedTeam[]> {
  return db.queries
    .select(counted)
    .from(teams)
    .where(own(teams, db))
    .orderBy(...oldestFirst)
}

/** Locks a team until the transaction ends. Other transactions that change its members wait. */
export function lockTeam(db: Database, id: string): Promise<TeamRow | null> {
  return first(db.queries.select().from(teams).where(thisTeam(db, id)).for('no key update'))
}

/** Locks every team of the user, in the order of their ids. */
export async function lockTeamsOfUser(db: Database, userId: number): Promise<void> {
  const theirs = db.queries
    .select({ id: teamMembers.teamId })
    .from(teamMembers)
    .where(ofUser(teamMembers, db, userId))
  await db.queries
    .select({ id: teams.id })
    .from(teams)
    .where(and(own(teams, db), inArray(teams.id, theirs)))
    .orderBy(asc(teams.id))
    .for('no key update')
}

export async function updateTeamName(db: Database, id: string, name: string): Promise<void> {
  const team = thisTeam(db, id)
  await db.queries.update(teams).set({ name }).where(team)
}

/** Deletes a team with its members and its invitations. */
export async function deleteTeam(db: Database, id: string): Promise<void> {
  await db.queries.delete(teams).where(thisTeam(db, id))
}

/**
 * Whether any team would have members but no ADMIN if this user left. Members whose deletion is pending do not count as members,
 * and disabled ADMINs do not count as ADMINs.
 */
export function wouldStrandTeam(db: Database, userId: number): Promise<boolean> {
  return hasRows(
    db.queries.execute(sql`with others as (
      select other.team_id, other.role, ${users.disabledAt} from ${teamMembers} own
      join ${teamMembers} other using (project_id, team_id)
      join ${users} on ${users.projectId} = other.project_id and ${users.id} = other.user_id
      where own.project_id = ${db.projectId} and own.user_id = ${userId} and own.role = 'ADMIN'
        and other.user_id <> own.user_id and ${users.deletionDueAt} is null)
    select 1 from others group by team_id having not bool_or(role = 'ADMIN' and disabled_at is null) limit 1`),
  )
}
