// Changes and lists of `users` by operators.
import { and, asc, eq, gt } from 'drizzle-orm'
import { users } from '../../../drizzle/tables/users.ts'
import { nextEpoch, type UserRow, updateLockedUser, userColumns } from '../accounts/users.ts'
import { now, own } from '../conditions.ts'
import { type Database, first } from '../database.ts'

/** Disables an account and ends its sessions, or enables it. For an account that is locked by `lockUser`. */
export function markUserDisabled(db: Database, id: number, disabled: boolean): Promise<UserRow> {
  return updateLockedUser(db, id, disabled ? { disabledAt: now, epoch: nextEpoch } : { disabledAt: null })
}

/** Changes the role of an account that is locked by `lockUser`. */
export function updateUserRole(db: Database, id: number, role: UserRow['role']): Promise<UserRow> {
  return updateLockedUser(db, id, { role })
}

/** Finds an account by its UUID, even if its deletion is due. */
export function findUserByUuid(db: Database, uuid: string): Promise<UserRow | null> {
  const where = and(own(users, db), eq(users.uuid, uuid))
  return first(db.queries.select(userColumns).from(users).where(where))
}

/** Lists up to `limit` accounts with a larger id than `after` (null: from the first), the oldest first. */
export async function listUsers(db: Database, after: number | null, limit: number): Promise<UserRow[]> {
  const isAfter = after === null ? undefined : gt(users.id, after)
  return db.queries
    .select(userColumns)
    .from(users)
    .where(and(own(users, db), isAfter))
    .orderBy(asc(users.id))
    .limit(limit)
}
