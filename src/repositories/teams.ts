// Rows of `teams`, with what a member or an operator is shown of them. Every query is led by the project.
import {
  and,
  asc,
  count,
  eq,
  exists,
  getTableColumns,
  inArray,
  isNull,
  ne,
  notExists,
  type SQL,
  sql,
} from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { teamMembers } from '../../drizzle/tables/team-members.ts'
import { teams } from '../../drizzle/tables/teams.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first, parts } from './database.ts'

export type TeamRow = typeof teams.$inferSelect
export type TeamRole = typeof teamMembers.$inferSelect.role
/** A team as somebody who is no member sees it. */
export type CountedTeam = TeamRow & { readonly memberCount: number }
/** A team as one of its members sees it: with their own role. */
export type TeamOfUser = CountedTeam & { readonly role: TeamRole }
export type Membership = { readonly teamId: string; readonly teamName: string; readonly role: TeamRole }

const columns = getTableColumns(teams)
/** The same table under another name, for a look at the others of a team in the same statement. */
const other = alias(teamMembers, 'other')
const otherUser = alias(users, 'other_user')

export function teamsRepository(db: Database) {
  const one = (projectId: string, id: string) => and(eq(teams.projectId, projectId), eq(teams.id, id))
  const isSame = and(eq(teamMembers.projectId, teams.projectId), eq(teamMembers.teamId, teams.id))
  const memberCount = sql<number>`(${parts
    .select({ members: count() })
    .from(other)
    .where(and(eq(other.projectId, teams.projectId), eq(other.teamId, teams.id)))})`.mapWith(Number)
  const mine = and(
    eq(teamMembers.projectId, sql.placeholder('projectId')),
    eq(teamMembers.userId, sql.placeholder('userId')),
  )
  const ofUser = (where: SQL | undefined, name: string) =>
    db.prepared((query) =>
      query
        .select({ ...columns, role: teamMembers.role, memberCount })
        .from(teamMembers)
        .innerJoin(teams, isSame)
        .where(where)
        .orderBy(asc(teams.createdAt), asc(teams.id))
        .prepare(name),
    )
  const allOfUser = ofUser(mine, 'teams_of_user')
  const oneOfUser = ofUser(and(mine, eq(teamMembers.teamId, sql.placeholder('teamId'))), 'team_of_user')
  const memberships = db.prepared((query) =>
    query
      .select({ teamId: teams.id, teamName: teams.name, role: teamMembers.role })
      .from(teamMembers)
      .innerJoin(teams, isSame)
      .where(mine)
      .orderBy(asc(teams.createdAt), asc(teams.id))
      .prepare('memberships_of_user'),
  )

  return {
    async add(team: Pick<TeamRow, 'id' | 'projectId' | 'name'>): Promise<TeamRow> {
      const row = first(await db.of(team.projectId).insert(teams).values(team).returning())
      if (!row) throw new Error('The team could not be made.')
      return row
    },

    /** The user's teams, the oldest first. */
    listOfUser: (projectId: string, userId: number): Promise<TeamOfUser[]> =>
      allOfUser({ projectId, userId }),

    /** The same in what a sign-in has to say of them: one statement on two indexes, and nothing is counted. */
    memberships: (projectId: string, userId: number): Promise<Membership[]> =>
      memberships({ projectId, userId }),

    /** A team of the user; null where there is none, or it is not theirs. */
    async findOfUser(projectId: string, userId: number, teamId: string): Promise<TeamOfUser | null> {
      return first(await oneOfUser({ projectId, userId, teamId }))
    },

    /** Any team of the project, for an operator. */
    async find(projectId: string, id: string): Promise<CountedTeam | null> {
      return first(
        await db
          .of(projectId)
          .select({ ...columns, memberCount })
          .from(teams)
          .where(one(projectId, id)),
      )
    },

    /** Every team of the project, for an operator, the oldest first. */
    list: (projectId: string): Promise<CountedTeam[]> =>
      db
        .of(projectId)
        .select({ ...columns, memberCount })
        .from(teams)
        .where(eq(teams.projectId, projectId))
        .orderBy(asc(teams.createdAt), asc(teams.id)),

    /** The team, held until the transaction ends: whoever changes its members waits. */
    async lock(projectId: string, id: string): Promise<TeamRow | null> {
      return first(await db.of(projectId).select().from(teams).where(one(projectId, id)).for('no key update'))
    },

    /** Holds every team of the user, in one order for all. */
    async lockOfUser(projectId: string, userId: number): Promise<void> {
      const theirs = db
        .of(projectId)
        .select({ id: teamMembers.teamId })
        .from(teamMembers)
        .where(and(eq(teamMembers.projectId, projectId), eq(teamMembers.userId, userId)))
      await db
        .of(projectId)
        .select({ id: teams.id })
        .from(teams)
        .where(and(eq(teams.projectId, projectId), inArray(teams.id, theirs)))
        .orderBy(asc(teams.id))
        .for('no key update')
    },

    async rename(projectId: string, id: string, name: string): Promise<void> {
      await db.of(projectId).update(teams).set({ name }).where(one(projectId, id))
    },

    /** Removes the team, its members and its invitations. */
    async remove(projectId: string, id: string): Promise<void> {
      await db.of(projectId).delete(teams).where(one(projectId, id))
    },

    /**
     * Whether a team would be left with members and without an ADMIN if this user went. Who is leaving their account
     * counts as gone; an ADMIN who is locked out does not count as one.
     */
    async wouldBeStranded(projectId: string, userId: number): Promise<boolean> {
      const others = (more?: SQL) =>
        db
          .of(projectId)
          .select({ userId: other.userId })
          .from(other)
          .innerJoin(otherUser, and(eq(otherUser.projectId, other.projectId), eq(otherUser.id, other.userId)))
          .where(
            and(
              eq(other.projectId, teamMembers.projectId),
              eq(other.teamId, teamMembers.teamId),
              ne(other.userId, teamMembers.userId),
              isNull(otherUser.deletionDueAt),
              more,
            ),
          )
      const rows = await db
        .of(projectId)
        .select({ teamId: teamMembers.teamId })
        .from(teamMembers)
        .where(
          and(
            eq(teamMembers.projectId, projectId),
            eq(teamMembers.userId, userId),
            eq(teamMembers.role, 'ADMIN'),
            exists(others()),
            notExists(others(and(eq(other.role, 'ADMIN'), isNull(otherUser.disabledAt)))),
          ),
        )
        .limit(1)
      return rows.length > 0
    },
  }
}
