// Rows of `known_addresses`: the addresses and devices from which an account has signed in.
import { knownAddresses } from '../../../drizzle/tables/known-addresses.ts'
import { ofUser } from '../conditions.ts'
import { type Database, hasRows } from '../database.ts'

/** Deletes the known addresses and devices of a user, so that the next sign-in counts as one from a new device. @returns whether any */
export function deleteKnownDevices(db: Database, userId: number): Promise<boolean> {
  const where = ofUser(knownAddresses, db, userId)
  return hasRows(db.queries.delete(knownAddresses).where(where).returning({ userId: knownAddresses.userId }))
}
