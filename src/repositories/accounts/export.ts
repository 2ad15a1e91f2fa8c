// Reads the rows of a user for the data export, except the account and its picture: one statement for each table, the newest rows
// first, without hashes.
import { and, desc, eq, type GetColumnData, getTableColumns, isNotNull, or, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { apiKeys } from '../../../drizzle/tables/api-keys.ts'
import { auditEvents } from '../../../drizzle/tables/audit-events.ts'
import { knownAddresses } from '../../../drizzle/tables/known-addresses.ts'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { recoveryCodes } from '../../../drizzle/tables/recovery-codes.ts'
import { secondFactorChallenges } from '../../../drizzle/tables/second-factor-challenges.ts'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { teamInvitations } from '../../../drizzle/tables/team-invitations.ts'
import { teamMembers } from '../../../drizzle/tables/team-members.ts'
import { teams } from '../../../drizzle/tables/teams.ts'
import { totpFactors } from '../../../drizzle/tables/totp-factors.ts'
import { trustedDevices } from '../../../drizzle/tables/trusted-devices.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { verificationTokens } from '../../../drizzle/tables/verification-tokens.ts'
import { shownColumns } from '../api-keys/api-keys.ts'
import { now, ofUser, own, pick, type UserTable } from '../conditions.ts'
import { type Database, one } from '../database.ts'
import { teamOf } from '../teams/teams.ts'

/** Reads the time at which the transaction began. */
export async function findSnapshotTime(db: Database): Promise<Date> {
  return (await one(db.queries.select({ now }).from(sql`(select 1) as one`))).now
}

/** Makes a function that reads columns of a user's rows of one table. */
const listOf =
  <C extends Record<string, PgColumn>>(table: PgTable & UserTable, newest: PgColumn, columns: C) =>
  async (db: Database, userId: number, limit: number) => {
    const where = ofUser(table, db, userId)
    const rows: unknown = await db.queries
      .select(columns as Record<string, PgColumn>)
      .from(table as PgTable)
      .where(where)
      .orderBy(desc(newest))
      .limit(limit)
    return rows as { [Name in keyof C]: GetColumnData<C[Name]> }[]
  }

const { lastAt } = knownAddresses
const { kind, createdAt, sentAt, deadAt } = outbox

/** The reads of the export, each with the name of its list. */
const lists = {
  sessions: listOf(sessions, sessions.createdAt, {
    ...pick(sessions, 'id', 'createdAt', 'lastSeenAt', 'expiresAt', 'revokedAt', 'revokedReason'),
    ...pick(sessions, 'userAgent', 'addressPrefix'),
  }),
  passkeys: listOf(
    passkeys,
    passkeys.createdAt,
    pick(passkeys, 'id', 'name', 'aaguid', 'backedUp', 'createdAt', 'lastUsedAt'),
  ),
  apiKeys: listOf(apiKeys, apiKeys.createdAt, shownColumns),
  tokens: listOf(
    verificationTokens,
    verificationTokens.createdAt,
    pick(verificationTokens, 'purpose', 'createdAt', 'expiresAt', 'usedAt', 'supersededAt'),
  ),
  authenticators: listOf(totpFactors, totpFactors.createdAt, pick(totpFactors, 'createdAt', 'confirmedAt')),
  recoveryCodes: listOf(recoveryCodes, recoveryCodes.createdAt, pick(recoveryCodes, 'createdAt', 'usedAt')),
  trustedDevices: listOf(
    trustedDevices,
    trustedDevices.createdAt,
    pick(trustedDevices, 'id', 'device', 'addressPrefix', 'createdAt', 'lastUsedAt', 'expiresAt'),
  ),
  secondFactorChallenges: listOf(
    secondFactorChallenges,
    secondFactorChallenges.createdAt,
    pick(secondFactorChallenges, 'createdAt', 'expiresAt', 'usedAt'),
  ),
  knownAddresses: listOf(knownAddresses, lastAt, { lastAt }),
  mails: listOf(outbox, createdAt, { kind, createdAt, sentAt, deadAt }),
  teams: (db: Database, userId: number, limit: number) =>
    db.queries
      .select({ id: teams.id, name: teams.name, role: teamMembers.role, joinedAt: teamMembers.createdAt })
      .from(teamMembers)
      .innerJoin(teams, teamOf(teamMembers))
      .where(ofUser(teamMembers, db, userId))
      .orderBy(desc(teamMembers.createdAt))
      .limit(limit),
  /** Invitations that the user sent, and those to their address, if they have proven it. */
  teamInvitations: (db: Database, userId: number, limit: number) =>
    db.queries
      .select({
        ...pick(teamInvitations, 'teamId', 'email', 'role', 'createdAt', 'expiresAt'),
        isSent: sql<boolean>`${teamInvitations.userId} = ${users.id}`,
      })
      .from(teamInvitations)
      .innerJoin(
        users,
        or(
          eq(users.id, teamInvitations.userId),
          and(eq(users.email, teamInvitations.email), isNotNull(users.emailVerifiedAt)),
        ),
      )
      .where(and(own(teamInvitations, db), own(users, db), eq(users.id, userId)))
      .orderBy(desc(teamInvitations.createdAt))
      .limit(limit),
  events: listOf(auditEvents, auditEvents.id, getTableColumns(auditEvents)),
}

/** The user's rows by list. */
export type ExportedRows = {
  readonly [List in keyof typeof lists]: Awaited<ReturnType<(typeof lists)[List]>>
}

/** Reads the user's rows of every list, the newest `limit` of each. */
export async function findExportedRows(db: Database, userId: number, limit: number): Promise<ExportedRows> {
  const entries = Object.entries(lists).map(
    async ([list, read]) => [list, await read(db, userId, limit)] as const,
  )
  return Object.fromEntries(await Promise.all(entries)) as unknown as ExportedRows
}
