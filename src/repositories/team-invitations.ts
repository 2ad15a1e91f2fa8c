// Rows of `team_invitations`. Whoever adds, revokes or accepts one holds its team (`teams.lock`).
import { and, asc, count, eq, gt, isNull, ne, sql } from 'drizzle-orm'
import { teamInvitations } from '../../drizzle/tables/team-invitations.ts'
import { teams } from '../../drizzle/tables/teams.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import type { TeamRole } from './teams.ts'

const table = teamInvitations

const columns = {
  id: table.id,
  teamId: table.teamId,
  email: table.email,
  role: table.role,
  invitedBy: users.uuid,
  createdAt: table.createdAt,
  expiresAt: table.expiresAt,
}

/** An invitation as the ADMINs of the team see it. */
export interface TeamInvitation {
  readonly id: string
  readonly teamId: string
  readonly email: string
  readonly role: TeamRole
  /** UUID of who invited. */
  readonly invitedBy: string
  readonly createdAt: Date
  readonly expiresAt: Date
}

export interface NewTeamInvitation {
  readonly id: string
  readonly projectId: string
  readonly teamId: string
  readonly userId: number
  readonly email: string
  readonly role: TeamRole
  readonly lifetimeSeconds: number
  /** Null: the mail that is owed brings the token. */
  readonly tokenHash: Buffer | null
}

export function teamInvitationsRepository(db: Database) {
  const ofTeam = (projectId: string, teamId: string) =>
    and(eq(table.projectId, projectId), eq(table.teamId, teamId))
  const alive = gt(table.expiresAt, sql`now()`)
  const inSeconds = (seconds: number) => sql`now() + make_interval(secs => ${seconds}::int)`
  return {
    /** Adds an invitation, in place of an earlier one of the same address, whose link is dead from then on. */
    async put({ lifetimeSeconds, ...invitation }: NewTeamInvitation): Promise<{
      createdAt: Date
      expiresAt: Date
    }> {
      const { id, userId, role, tokenHash } = invitation
      const expiresAt = inSeconds(lifetimeSeconds)
      const row = first(
        await db
          .of(invitation.projectId)
          .insert(table)
          .values({ ...invitation, expiresAt })
          .onConflictDoUpdate({
            target: [table.projectId, table.teamId, table.email],
            set: { id, userId, role, tokenHash, createdAt: sql`now()`, expiresAt },
          })
          .returning({ createdAt: table.createdAt, expiresAt: table.expiresAt }),
      )
      if (!row) throw new Error('The invitation could not be made.')
      return row
    },

    /** What is open or about to be sent, the oldest first. */
    list: (projectId: string, teamId: string): Promise<TeamInvitation[]> =>
      db
        .of(projectId)
        .select(columns)
        .from(table)
        .innerJoin(users, and(eq(users.projectId, table.projectId), eq(users.id, table.userId)))
        .where(and(ofTeam(projectId, teamId), alive))
        .orderBy(asc(table.createdAt), asc(table.id)),

    /** How many other addresses are invited. */
    async countOthers(projectId: string, teamId: string, email: string): Promise<number> {
      const row = first(
        await db
          .of(projectId)
          .select({ rows: count() })
          .from(table)
          .where(and(ofTeam(projectId, teamId), ne(table.email, email), alive)),
      )
      return row?.rows ?? 0
    },

    /** Revokes one; false where it is unknown, accepted or expired. */
    async revoke(projectId: string, teamId: string, id: string): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .delete(table)
        .where(and(ofTeam(projectId, teamId), eq(table.id, id), alive))
        .returning({ id: table.id })
      return rows.length > 0
    },

    /** Revokes what was sent to an address that needs it no more. */
    async revokeForEmail(projectId: string, teamId: string, email: string): Promise<void> {
      await db
        .of(projectId)
        .delete(table)
        .where(and(ofTeam(projectId, teamId), eq(table.email, email)))
    },

    /** Revokes what a user sent, for one team or for all: they may speak for it no longer. */
    async revokeOfUser(projectId: string, userId: number, teamId?: string): Promise<void> {
      await db
        .of(projectId)
        .delete(table)
        .where(
          and(
            eq(table.projectId, projectId),
            eq(table.userId, userId),
            teamId === undefined ? undefined : eq(table.teamId, teamId),
          ),
        )
    },

    /** Opens the invitation whose mail is about to be sent, again if it is sent again; false: it is no longer owed. */
    async open(projectId: string, id: string, tokenHash: Buffer, lifetimeSeconds: number): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(table)
        .set({ tokenHash, expiresAt: inSeconds(lifetimeSeconds) })
        .where(and(eq(table.projectId, projectId), eq(table.id, id), alive))
        .returning({ id: table.id })
      return rows.length > 0
    },

    /** The open invitation of a token, with the team's name, while who sent it is not locked out; looks only. */
    async findOpen(
      projectId: string,
      tokenHash: Buffer,
    ): Promise<{ id: string; teamId: string; teamName: string; email: string; role: TeamRole } | null> {
      return first(
        await db
          .of(projectId)
          .select({
            id: table.id,
            teamId: table.teamId,
            teamName: teams.name,
            email: table.email,
            role: table.role,
          })
          .from(table)
          .innerJoin(teams, and(eq(teams.projectId, table.projectId), eq(teams.id, table.teamId)))
          .innerJoin(users, and(eq(users.projectId, table.projectId), eq(users.id, table.userId)))
          .where(
            and(
              eq(table.projectId, projectId),
              eq(table.tokenHash, tokenHash),
              alive,
              isNull(users.disabledAt),
            ),
          ),
      )
    },
  }
}
