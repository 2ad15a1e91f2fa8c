// Rows of `team_members`. Whoever changes one holds its team (`teams.lock`).
import { and, asc, count, eq, isNull, ne, sql } from 'drizzle-orm'
import { teamMembers } from '../../drizzle/tables/team-members.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import type { TeamRole } from './teams.ts'

const columns = {
  teamId: teamMembers.teamId,
  userId: teamMembers.userId,
  userUuid: users.uuid,
  email: users.email,
  displayName: users.displayName,
  firstName: users.firstName,
  lastName: users.lastName,
  avatarId: users.avatarId,
  role: teamMembers.role,
  joinedAt: teamMembers.createdAt,
}

/** A member as the others of the team see them. */
export interface TeamMember {
  readonly teamId: string
  readonly userId: number
  readonly userUuid: string
  readonly email: string
  readonly displayName: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly avatarId: string | null
  readonly role: TeamRole
  readonly joinedAt: Date
}

export function teamMembersRepository(db: Database) {
  const ofTeam = (projectId: string, teamId: string) =>
    and(eq(teamMembers.projectId, projectId), eq(teamMembers.teamId, teamId))
  const one = (projectId: string, teamId: string, userId: number) =>
    and(ofTeam(projectId, teamId), eq(teamMembers.userId, userId))
  const withUser = (projectId: string) =>
    db
      .of(projectId)
      .select(columns)
      .from(teamMembers)
      .innerJoin(users, and(eq(users.projectId, teamMembers.projectId), eq(users.id, teamMembers.userId)))
  return {
    /** Adds a member; false where the user is one already, whose role then stays. */
    async add(member: Omit<typeof teamMembers.$inferInsert, 'createdAt'>): Promise<boolean> {
      const rows = await db
        .of(member.projectId)
        .insert(teamMembers)
        .values(member)
        .onConflictDoNothing()
        .returning({ userId: teamMembers.userId })
      return rows.length > 0
    },

    /** The members, those of the highest role first, and of one role the oldest. */
    list: (projectId: string, teamId: string): Promise<TeamMember[]> =>
      withUser(projectId)
        .where(ofTeam(projectId, teamId))
        .orderBy(
          sql`array_position(array['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER'], ${teamMembers.role})`,
          asc(teamMembers.createdAt),
          asc(teamMembers.userId),
        ),

    async find(projectId: string, teamId: string, userUuid: string): Promise<TeamMember | null> {
      return first(await withUser(projectId).where(and(ofTeam(projectId, teamId), eq(users.uuid, userUuid))))
    },

    async findByEmail(projectId: string, teamId: string, email: string): Promise<TeamMember | null> {
      return first(await withUser(projectId).where(and(ofTeam(projectId, teamId), eq(users.email, email))))
    },

    async roleOf(projectId: string, teamId: string, userId: number): Promise<TeamRole | null> {
      const row = first(
        await db
          .of(projectId)
          .select({ role: teamMembers.role })
          .from(teamMembers)
          .where(one(projectId, teamId, userId)),
      )
      return row?.role ?? null
    },

    async setRole(projectId: string, teamId: string, userId: number, role: TeamRole): Promise<void> {
      await db
        .of(projectId)
        .update(teamMembers)
        .set({ role })
        .where(one(projectId, teamId, userId))
    },

    async remove(projectId: string, teamId: string, userId: number): Promise<void> {
      await db
        .of(projectId)
        .delete(teamMembers)
        .where(one(projectId, teamId, userId))
    },

    async count(projectId: string, teamId: string): Promise<number> {
      const row = first(
        await db.of(projectId).select({ rows: count() }).from(teamMembers).where(ofTeam(projectId, teamId)),
      )
      return row?.rows ?? 0
    },

    /** In how many teams the user is. */
    async countOfUser(projectId: string, userId: number): Promise<number> {
      const row = first(
        await db
          .of(projectId)
          .select({ rows: count() })
          .from(teamMembers)
          .where(and(eq(teamMembers.projectId, projectId), eq(teamMembers.userId, userId))),
      )
      return row?.rows ?? 0
    },

    /** Whether the team has an ADMIN besides this user who can act: neither locked out nor leaving. */
    async hasOtherAdmin(projectId: string, teamId: string, userId: number): Promise<boolean> {
      const rows = await withUser(projectId)
        .where(
          and(
            ofTeam(projectId, teamId),
            ne(teamMembers.userId, userId),
            eq(teamMembers.role, 'ADMIN'),
            isNull(users.disabledAt),
            isNull(users.deletionDueAt),
          ),
        )
        .limit(1)
      return rows.length > 0
    },
  }
}
