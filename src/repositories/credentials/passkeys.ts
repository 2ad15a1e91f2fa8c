// Rows of `passkeys`.
import { and, asc, eq, gt, or, type SQL, sql } from 'drizzle-orm'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { now, ofUser, own, parameter, parameters } from '../conditions.ts'
import { type Database, first, hasRows, prepared, type Queries, rowCount } from '../database.ts'

export type PasskeyRow = typeof passkeys.$inferSelect
export type NewPasskey = Omit<PasskeyRow, 'projectId' | 'createdAt' | 'lastUsedAt'>

const id = { id: passkeys.id }

/**
 * An update that marks the passkey `passkeyId` as used now. Its signature counter must be greater than the stored one, or both 0
 * (WebAuthn §6.1.1).
 * @param onlyIf a further condition
 */
export const touching = (query: Queries, onlyIf?: SQL) => {
  const count = sql`${parameter('signCount')}::bigint`
  const isAhead = or(gt(count, passkeys.signCount), and(sql`${count} = 0`, eq(passkeys.signCount, 0)))
  return query
    .update(passkeys)
    .set({
      signCount: count,
      backupEligible: sql`${parameter('backupEligible')}::boolean`,
      backedUp: sql`${parameter('backedUp')}::boolean`,
      lastUsedAt: now,
    })
    .where(and(own(passkeys, parameters), eq(passkeys.id, parameter('passkeyId')), isAhead, onlyIf))
    .returning(id)
}

/** The use of a passkey, with the data of its authenticator. */
export interface UsedPasskey extends Pick<PasskeyRow, 'signCount' | 'backupEligible' | 'backedUp'> {
  readonly passkeyId: string
}

const touch = prepared((query) => touching(query).prepare('passkey_touch'))

/** Marks a passkey as used now. @returns false, without a change: its counter went back (see `touching`), or the passkey is gone */
export function touchPasskey(db: Database, used: UsedPasskey): Promise<boolean> {
  return hasRows(touch(db, used))
}

/** Inserts a passkey; null: the project has one with this credential id. */
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

/** Renames a passkey of a user; null: the user has none with this id. */
export function renamePasskey(
  db: Database,
  userId: number,
  passkeyId: string,
  name: string,
): Promise<PasskeyRow | null> {
  const where = and(ofUser(passkeys, db, userId), eq(passkeys.id, passkeyId))
  return first(db.queries.update(passkeys).set({ name }).where(where).returning())
}

/** Deletes a passkey of a user. @returns false: the user has none with this id */
export function deletePasskey(db: Database, userId: number, passkeyId: string): Promise<boolean> {
  const where = and(ofUser(passkeys, db, userId), eq(passkeys.id, passkeyId))
  return hasRows(db.queries.delete(passkeys).where(where).returning(id))
}

/**
 * Deletes the passkeys of a user.
 * @param since only those that were added at this time or later; null: all
 * @returns how many were deleted
 */
export function deletePasskeys(db: Database, userId: number, since: Date | null): Promise<number> {
  const added = since ? sql`${passkeys.createdAt} >= ${since.toISOString()}::timestamptz` : undefined
  const where = and(ofUser(passkeys, db, userId), added)
  return rowCount(db.queries.delete(passkeys).where(where).returning(id))
}
