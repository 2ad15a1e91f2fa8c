// Rows of `known_addresses` of a user: the addresses and devices that an account has signed in from.
import { knownAddresses } from '../../../drizzle/tables/known-addresses.ts'
import { ofUser } from '../conditions.ts'
import { type Database, hasRows } from '../database.ts'

/** Forgets from where the account was used: the next sign-in from anywhere is one by a new device. */
export function deleteKnownDevices(db: Database, userId: number): Promise<boolean> {
  const where = ofUser(knownAddresses, db, userId)
  return hasRows(db.queries.delete(knownAddresses).where(where).returning({ userId: knownAddresses.userId }))
}
