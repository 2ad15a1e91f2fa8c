// What the tables hold of one user besides the account itself and its picture: one statement for each table, the newest
// first, and no hash in any of them.
import { and, desc, eq, isNotNull, or, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { apiKeys } from '../../drizzle/tables/api-keys.ts'
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import { knownAddresses } from '../../drizzle/tables/known-addresses.ts'
import { outbox } from '../../drizzle/tables/outbox.ts'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { teamInvitations } from '../../drizzle/tables/team-invitations.ts'
import { teamMembers } from '../../drizzle/tables/team-members.ts'
import { teams } from '../../drizzle/tables/teams.ts'
import { users } from '../../drizzle/tables/users.ts'
import { verificationTokens } from '../../drizzle/tables/verification-tokens.ts'
import type { Database } from './database.ts'

interface Owned {
  readonly projectId: PgColumn
  readonly userId: PgColumn
}

const now = sql<Date>`now()`.mapWith(auditEvents.createdAt)

export function holdingsRepository(db: Database) {
  const of = (table: Owned, projectId: string, userId: number): SQL | undefined =>
    and(eq(table.projectId, projectId), eq(table.userId, userId))
  return {
    /** The moment the transaction began. */
    async now(projectId: string): Promise<Date> {
      const [row] = await db.of(projectId).select({ now }).from(sql`(select 1) as one`)
      if (!row) throw new Error('The database has no clock.')
      return row.now
    },

    sessions: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          id: sessions.id,
          createdAt: sessions.createdAt,
          lastSeenAt: sessions.lastSeenAt,
          expiresAt: sessions.expiresAt,
          revokedAt: sessions.revokedAt,
          revokedReason: sessions.revokedReason,
          userAgent: sessions.userAgent,
          addressPrefix: sessions.addressPrefix,
        })
        .from(sessions)
        .where(of(sessions, projectId, userId))
        .orderBy(desc(sessions.createdAt))
        .limit(limit),

    apiKeys: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          id: apiKeys.id,
          name: apiKeys.name,
          keyPrefix: apiKeys.keyPrefix,
          scopes: apiKeys.scopes,
          createdAt: apiKeys.createdAt,
          expiresAt: apiKeys.expiresAt,
          lastUsedAt: apiKeys.lastUsedAt,
          revokedAt: apiKeys.revokedAt,
        })
        .from(apiKeys)
        .where(of(apiKeys, projectId, userId))
        .orderBy(desc(apiKeys.createdAt))
        .limit(limit),

    tokens: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          purpose: verificationTokens.purpose,
          createdAt: verificationTokens.createdAt,
          expiresAt: verificationTokens.expiresAt,
          usedAt: verificationTokens.usedAt,
          supersededAt: verificationTokens.supersededAt,
        })
        .from(verificationTokens)
        .where(of(verificationTokens, projectId, userId))
        .orderBy(desc(verificationTokens.createdAt))
        .limit(limit),

    knownAddresses: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({ lastAt: knownAddresses.lastAt })
        .from(knownAddresses)
        .where(of(knownAddresses, projectId, userId))
        .orderBy(desc(knownAddresses.lastAt))
        .limit(limit),

    mails: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          kind: outbox.kind,
          createdAt: outbox.createdAt,
          sentAt: outbox.sentAt,
          deadAt: outbox.deadAt,
        })
        .from(outbox)
        .where(of(outbox, projectId, userId))
        .orderBy(desc(outbox.createdAt))
        .limit(limit),

    teams: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          id: teams.id,
          name: teams.name,
          role: teamMembers.role,
          joinedAt: teamMembers.createdAt,
        })
        .from(teamMembers)
        .innerJoin(teams, and(eq(teams.projectId, teamMembers.projectId), eq(teams.id, teamMembers.teamId)))
        .where(of(teamMembers, projectId, userId))
        .orderBy(desc(teamMembers.createdAt))
        .limit(limit),

    /** What the user sent, and what was sent to their address where they proved that it is theirs. */
    teamInvitations: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          teamId: teamInvitations.teamId,
          email: teamInvitations.email,
          role: teamInvitations.role,
          isSent: sql<boolean>`${teamInvitations.userId} = ${users.id}`,
          createdAt: teamInvitations.createdAt,
          expiresAt: teamInvitations.expiresAt,
        })
        .from(teamInvitations)
        .innerJoin(
          users,
          or(
            eq(users.id, teamInvitations.userId),
            and(eq(users.email, teamInvitations.email), isNotNull(users.emailVerifiedAt)),
          ),
        )
        .where(
          and(eq(teamInvitations.projectId, projectId), eq(users.projectId, projectId), eq(users.id, userId)),
        )
        .orderBy(desc(teamInvitations.createdAt))
        .limit(limit),

    events: (projectId: string, userId: number, limit: number) =>
      db
        .of(projectId)
        .select({
          id: auditEvents.id,
          event: auditEvents.event,
          outcome: auditEvents.outcome,
          sessionId: auditEvents.sessionId,
          apiKeyId: auditEvents.apiKeyId,
          teamId: auditEvents.teamId,
          addressPrefix: auditEvents.addressPrefix,
          userAgent: auditEvents.userAgent,
          createdAt: auditEvents.createdAt,
        })
        .from(auditEvents)
        .where(of(auditEvents, projectId, userId))
        .orderBy(desc(auditEvents.id))
        .limit(limit),
  }
}
