// Rows of `recovery_codes`: inserted and replaced as a set; each code is used once.
import { and, eq, isNull } from 'drizzle-orm'
import { recoveryCodes as table } from '../../../drizzle/tables/recovery-codes.ts'
import { now, ofUser } from '../conditions.ts'
import { type Database, hasRows } from '../database.ts'

const open = isNull(table.usedAt)

/** Deletes the codes of an account. @returns whether there were any */
export function deleteRecoveryCodes(db: Database, userId: number): Promise<boolean> {
  return hasRows(
    db.queries
      .delete(table)
      .where(ofUser(table, db, userId))
      .returning({ userId: table.userId }),
  )
}

/** Replaces the codes of an account. */
export async function replaceRecoveryCodes(
  db: Database,
  userId: number,
  hashes: readonly Buffer[],
): Promise<void> {
  await deleteRecoveryCodes(db, userId)
  const { projectId } = db
  await db.queries.insert(table).values(hashes.map((codeHash) => ({ projectId, userId, codeHash })))
}

/** Uses a code, once. @returns false: it is unknown or used */
export function useRecoveryCode(db: Database, userId: number, codeHash: Buffer): Promise<boolean> {
  const where = and(ofUser(table, db, userId), eq(table.codeHash, codeHash), open)
  return hasRows(
    db.queries.update(table).set({ usedAt: now }).where(where).returning({ userId: table.userId }),
  )
}

/** Counts the codes that were not used. */
export async function countRecoveryCodes(db: Database, userId: number): Promise<number> {
  return db.queries.$count(table, and(ofUser(table, db, userId), open))
}
