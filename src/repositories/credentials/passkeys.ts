// Rows of `passkeys`.
import { and, asc, eq, getTableColumns, gt, or, sql } from 'drizzle-orm'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isHere, userColumns, userOf } from '../accounts/users.ts'
import { now, ofUser, own, parameter, parameters } from '../conditions.ts'
import { type Database, first, hasRows, prepared, rowCount } from '../database.ts'

export type PasskeyRow = typeof passkeys.$inferSelect
export type NewPasskey = Omit<PasskeyRow, 'projectId' | 'createdAt' | 'lastUsedAt'>

/** A passkey and the account that it opens. */
export type PasskeyAndUser = Awaited<ReturnType<typeof find>>[number]

const id = { id: passkeys.id }

const find = prepared((query) =>
  query
    .select({ passkey: getTableColumns(passkeys), user: userColumns })
    .from(passkeys)
    .innerJoin(users, userOf(passkeys))
    .where(and(own(passkeys, parameters), eq(passkeys.credentialId, parameter('credentialId')), isHere))
    .prepare('passkey_find'),
)

const touch = prepared((query) => {
  const count = sql`${parameter('signCount')}::bigint`
  const isAhead = or(gt(count, passkeys.signCount), and(sql`${count} = 0`, eq(passkeys.signCount, 0)))
  return query
    .update(passkeys)
    .set({ signCount: count, backedUp: sql`${parameter('backedUp')}::boolean`, lastUsedAt: now })
    .where(and(own(passkeys, parameters), eq(passkeys.id, parameter('id')), isAhead))
    .returning(id)
    .prepare('passkey_touch')
})

/** Finds a passkey and its account; not one of an account whose deletion is due. */
export function findPasskey(db: Database, credentialId: Buffer): Promise<PasskeyAndUser | null> {
  return first(find(db, { credentialId }))
}

/**
 * Notes that a passkey was used now, and its counter, which must be ahead of the one before or 0 like it (WebAuthn §6.1.1).
 * @returns false, and nothing noted, where the counter went back or the passkey is gone
 */
export function touchPasskey(
  db: Database,
  used: Pick<PasskeyRow, 'id' | 'signCount' | 'backedUp'>,
): Promise<boolean> {
  return hasRows(touch(db, used))
}

/** Inserts a passkey; null where the project has one with this credential id. */
export function insertPasskey(db: Database, passkey: NewPasskey): Promise<PasskeyRow | null> {
  const values = { ...passkey, projectId: db.projectId }
  const target = [passkeys.projectId, passkeys.credentialId]
  return first(db.queries.insert(passkeys).values(values).onConflictDoNothing({ target }).returning())
}

/** Lists the passkeys of a user, the oldest first. */
export async function listPasskeys(db: Database, userId: number): Promise<PasskeyRow[]> {
  return db.queries
    .select()
    .from(passkeys)
    .where(ofUser(passkeys, db, userId))
    .orderBy(asc(passkeys.createdAt), asc(passkeys.id))
}

/** Renames a passkey of a user; null where the user has none with this id. */
export function renamePasskey(
  db: Database,
  userId: number,
  passkeyId: string,
  name: string,
): Promise<PasskeyRow | null> {
  const where = and(ofUser(passkeys, db, userId), eq(passkeys.id, passkeyId))
  return first(db.queries.update(passkeys).set({ name }).where(where).returning())
}

/** Deletes one passkey; false where the user has none with this id. */
export function deletePasskey(db: Database, userId: number, passkeyId: string): Promise<boolean> {
  const where = and(ofUser(passkeys, db, userId), eq(passkeys.id, passkeyId))
  return hasRows(db.queries.delete(passkeys).where(where).returning(id))
}

/**
 * Deletes the passkeys of a user.
 * @param since only those that were added then or later; null: all
 * @returns how many were deleted
 */
export function deletePasskeys(db: Database, userId: number, since: Date | null): Promise<number> {
  const added = since ? sql`${passkeys.createdAt} >= ${since.toISOString()}::timestamptz` : undefined
  const where = and(ofUser(passkeys, db, userId), added)
  return rowCount(db.queries.delete(passkeys).where(where).returning(id))
}
