// Rows of `trusted_devices`: inserted after a second factor, used by sign-ins, listed, and deleted together.
import { and, desc, eq, gt } from 'drizzle-orm'
import { trustedDevices as table } from '../../../drizzle/tables/trusted-devices.ts'
import { now, ofUser, pick, secondsFromNow } from '../conditions.ts'
import { type Database, hasRows } from '../database.ts'

export type TrustedDeviceRow = Awaited<ReturnType<typeof listTrustedDevices>>[number]

const living = gt(table.expiresAt, now)

export async function insertTrustedDevice(
  db: Database,
  {
    lifetimeSeconds,
    ...device
  }: Pick<typeof table.$inferInsert, 'id' | 'userId' | 'tokenHash' | 'device' | 'addressPrefix'> & {
    readonly lifetimeSeconds: number
  },
): Promise<void> {
  const expiresAt = secondsFromNow(lifetimeSeconds)
  await db.queries.insert(table).values({ ...device, projectId: db.projectId, expiresAt })
}

/** Marks a trusted device as used now. @returns false: the account does not trust it, or the browser has another name */
export function useTrustedDevice(
  db: Database,
  userId: number,
  tokenHash: Buffer,
  device: string,
): Promise<boolean> {
  const own = and(ofUser(table, db, userId), eq(table.tokenHash, tokenHash), eq(table.device, device), living)
  return hasRows(db.queries.update(table).set({ lastUsedAt: now }).where(own).returning({ id: table.id }))
}

/** Lists the trusted devices of an account, the newest first. */
export function listTrustedDevices(db: Database, userId: number) {
  return db.queries
    .select(pick(table, 'id', 'device', 'addressPrefix', 'createdAt', 'lastUsedAt', 'expiresAt'))
    .from(table)
    .where(and(ofUser(table, db, userId), living))
    .orderBy(desc(table.createdAt))
    .limit(1000)
}

/** Deletes the trusted devices of an account. @returns whether there were any */
export function deleteTrustedDevices(db: Database, userId: number): Promise<boolean> {
  return hasRows(
    db.queries
      .delete(table)
      .where(ofUser(table, db, userId))
      .returning({ id: table.id }),
  )
}
