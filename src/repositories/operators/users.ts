// Rows of `users` as an operator changes and imports them.
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { auditEvents } from '../../../drizzle/tables/audit-events.ts'
import { securityLog } from '../../../drizzle/tables/security-log.ts'
import { users } from '../../../drizzle/tables/users.ts'
import {
  nextEpoch,
  type ProfileChange,
  type UserRow,
  type UserWithPassword,
  updateLockedUser,
  userColumns,
} from '../accounts/users.ts'
import type { LogCircumstances } from '../audit/security-log.ts'
import { now, own } from '../conditions.ts'
import { type Database, first, rowCount, type UnscopedDatabase } from '../database.ts'

/** An account that comes from elsewhere; instants as ISO 8601. */
export interface ImportedUser
  extends Pick<UserWithPassword, 'uuid' | 'email' | 'passwordHash' | 'role' | keyof ProfileChange> {
  readonly emailVerifiedAt: string | null
  readonly createdAt: string | null
}

/** Disables an account that is locked by `lockUser` and ends its sessions, or enables it. */
export function markUserDisabled(db: Database, id: number, disabled: boolean): Promise<UserRow> {
  return updateLockedUser(db, id, disabled ? { disabledAt: now, epoch: nextEpoch } : { disabledAt: null })
}

/** For an account that is locked by `lockUser`. */
export function updateUserRole(db: Database, id: number, role: UserRow['role']): Promise<UserRow> {
  return updateLockedUser(db, id, { role })
}

/** The account of a UUID, also one whose deletion is due. */
export function findUserByUuid(db: Database, uuid: string): Promise<UserRow | null> {
  const where = and(own(users, db), eq(users.uuid, uuid))
  return first(db.queries.select(userColumns).from(users).where(where))
}

/** Up to `limit` accounts with a larger id than `after` (null: from the first on), the oldest first. */
export async function listUsers(db: Database, after: number | null, limit: number): Promise<UserRow[]> {
  const isAfter = after === null ? undefined : gt(users.id, after)
  return db.queries
    .select(userColumns)
    .from(users)
    .where(and(own(users, db), isAfter))
    .orderBy(asc(users.id))
    .limit(limit)
}

/**
 * Inserts accounts whose address and UUID are free, each with its audit event and its row of the security log, in one statement. Of two with the same
 * address or UUID the first counts.
 * @returns how many were inserted
 */
export function insertUsers(
  db: Database,
  imported: readonly ImportedUser[],
  { actor, details }: Pick<LogCircumstances, 'actor' | 'details'>,
): Promise<number> {
  const taken = new Set<string>()
  const isFirst = ({ email, uuid }: ImportedUser) => {
    if (taken.has(email) || taken.has(uuid)) return false
    taken.add(email).add(uuid)
    return true
  }
  // Always in the same order: two imports of the same accounts in different orders would wait for each other.
  const ordered = imported
    .filter(isFirst)
    .sort((a, b) => (a.email < b.email ? -1 : Number(a.email > b.email)))
  return rowCount(
    db.queries.execute(sql`with added as (
      insert into ${users} (uuid, project_id, email, password_hash, email_verified_at, email_proof, display_name, first_name,
        last_name, role, locale, metadata, created_at)
      select uuid, ${db.projectId}::uuid, email, "passwordHash", "emailVerifiedAt",
        case when "emailVerifiedAt" is not null then 'holder' end, "displayName", "firstName",
        "lastName", role, locale, metadata, coalesce("createdAt", now())
      from jsonb_to_recordset(${JSON.stringify(ordered)}::text::jsonb) as given(uuid uuid, email text, "passwordHash" text,
        "emailVerifiedAt" timestamptz, "displayName" text, "firstName" text, "lastName" text, role text, locale text,
        metadata jsonb, "createdAt" timestamptz)
      on conflict do nothing returning project_id, id, uuid),
    logged as (insert into ${securityLog} (project_id, event, actor, account, details)
      select project_id, 'account_created', ${actor}::text, uuid, ${JSON.stringify(details)}::text::jsonb from added)
    insert into ${auditEvents} (project_id, user_id, event)
    select project_id, id, 'account_created' from added returning 1`),
  )
}

/** Analyzes the tables that an import fills. A role that may not is warned by the server, and nothing fails. */
export async function analyzeImportedTables(db: UnscopedDatabase): Promise<void> {
  await db.queries.execute(sql`analyze ${users}, ${auditEvents}`)
}
