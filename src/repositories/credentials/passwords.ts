// The password hash of a user. Statements that set, replace or remove it also end all sessions by a new epoch.
import { and, eq, isNull, type SQL } from 'drizzle-orm'
import { users } from '../../../drizzle/tables/users.ts'
import { enabledUser, nextEpoch, proven, thisUser, type UserRow, updateUser } from '../accounts/users.ts'
import { type Database, first } from '../database.ts'

/** Finds the password hash of an account; null: it has no password. */
export async function findPasswordHash(db: Database, userId: number): Promise<string | null> {
  const { passwordHash } = users
  const row = await first(db.queries.select({ passwordHash }).from(users).where(thisUser(db, userId)))
  return row?.passwordHash ?? null
}

/**
 * Sets the first password of an account, and ends every session.
 * @param epoch the epoch that the account must have
 * @returns the new epoch; null: the account has a password or another epoch, or is disabled
 */
export function setFirstPassword(
  db: Database,
  id: number,
  epoch: number,
  to: string,
): Promise<number | null> {
  const isFirst = and(eq(users.epoch, epoch), isNull(users.passwordHash), isNull(users.disabledAt))
  return updatePassword(db, and(thisUser(db, id), isFirst), to)
}

/**
 * Replaces the password, and ends every session.
 * @param from the hash that was checked
 * @returns the new epoch; null: a concurrent request replaced that hash first
 */
export function replacePassword(db: Database, id: number, from: string, to: string): Promise<number | null> {
  return updatePassword(db, and(thisUser(db, id), eq(users.passwordHash, from)), to)
}

/** Removes the password and ends every session. */
export async function removePassword(db: Database, id: number): Promise<void> {
  await updatePassword(db, thisUser(db, id), null)
}

/** Sets or removes the password of the user that `which` selects. @returns the new epoch; null: there is no such user */
async function updatePassword(
  db: Database,
  which: SQL | undefined,
  to: string | null,
): Promise<number | null> {
  const user = await updateUser(db, which, { passwordHash: to, epoch: nextEpoch })
  return user?.epoch ?? null
}

/**
 * Sets a password after a proof that the owner of the account receives the mail of `email`. Marks the address as proven by its
 * holder, and ends every session.
 * @returns null: the account has another address now, or is disabled
 */
export function resetPassword(db: Database, id: number, email: string, to: string): Promise<UserRow | null> {
  const change = { passwordHash: to, epoch: nextEpoch, ...proven('holder') }
  return updateUser(db, enabledUser(db, id, email), change)
}

/** Replaces the hash `from` by one of the same password with newer parameters. No session ends. */
export async function renewPasswordHash(db: Database, id: number, from: string, to: string): Promise<void> {
  const unchanged = and(thisUser(db, id), eq(users.passwordHash, from))
  await db.queries.update(users).set({ passwordHash: to }).where(unchanged)
}
