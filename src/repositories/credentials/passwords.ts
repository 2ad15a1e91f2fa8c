// The password of a user. A statement that sets, changes or removes it also ends the sessions by a new epoch.
import { and, eq, isNull, type SQL } from 'drizzle-orm'
import { users } from '../../../drizzle/tables/users.ts'
import { enabledUser, nextEpoch, proven, thisUser, type UserRow, updateUser } from '../accounts/users.ts'
import { type Database, first } from '../database.ts'

/** The hash of the account's password; null where it has none. */
export async function findPasswordHash(db: Database, userId: number): Promise<string | null> {
  const { passwordHash } = users
  const row = await first(db.queries.select({ passwordHash }).from(users).where(thisUser(db, userId)))
  return row?.passwordHash ?? null
}

/**
 * Sets the first password of an account that has none and whose sessions are those of `epoch`; ends every session.
 * @returns the new epoch, or null where the account has a password, another epoch, or is disabled
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
 * Replaces the password if it still is the one that was checked; ends every session.
 * @returns the new epoch, or null where another request replaced it first
 */
export function replacePassword(db: Database, id: number, from: string, to: string): Promise<number | null> {
  return updatePassword(db, and(thisUser(db, id), eq(users.passwordHash, from)), to)
}

/** Removes the password and ends every session. */
export async function removePassword(db: Database, id: number): Promise<void> {
  await updatePassword(db, thisUser(db, id), null)
}

/** Sets or removes the password of the user that `which` names; the new epoch, or null where there is none. */
async function updatePassword(
  db: Database,
  which: SQL | undefined,
  to: string | null,
): Promise<number | null> {
  const user = await updateUser(db, which, { passwordHash: to, epoch: nextEpoch })
  return user?.epoch ?? null
}

/**
 * Sets a password after a proof that its owner reads the mail of `email`: marks the address as proven by its
 * holder, and ends every session. Null if the account has another address by now, or is disabled.
 */
export function resetPassword(db: Database, id: number, email: string, to: string): Promise<UserRow | null> {
  const change = { passwordHash: to, epoch: nextEpoch, ...proven('holder') }
  return updateUser(db, enabledUser(db, id, email), change)
}

/** Stores the same password under newer parameters, if the hash is still `from`; no session ends. */
export async function renewPasswordHash(db: Database, id: number, from: string, to: string): Promise<void> {
  const unchanged = and(thisUser(db, id), eq(users.passwordHash, from))
  await db.queries.update(users).set({ passwordHash: to }).where(unchanged)
}
