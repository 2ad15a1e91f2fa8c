// Rows of `known_addresses`.
import { sql } from 'drizzle-orm'
import { knownAddresses } from '../../drizzle/tables/known-addresses.ts'
import { type Database, first, once } from './database.ts'

export function knownAddressesRepository(db: Database) {
  const remember = once(() =>
    db
      .insert(knownAddresses)
      .values({
        projectId: sql.placeholder('projectId'),
        userId: sql.placeholder('userId'),
        keyHash: sql.placeholder('keyHash'),
      })
      .onConflictDoUpdate({
        target: [knownAddresses.projectId, knownAddresses.userId, knownAddresses.keyHash],
        set: { lastAt: sql`now()` },
        setWhere: sql`${knownAddresses.lastAt} < now() - interval '1 day'`,
      })
      .returning({ isNew: sql<boolean>`xmax = 0` })
      .prepare('known_address_remember'),
  )
  return {
    /**
     * Remembers that the user signed in from here; writes at most once a day for the same key.
     * True if it was not known before.
     */
    async remember(projectId: string, userId: number, keyHash: Buffer): Promise<boolean> {
      return first(await remember().execute({ projectId, userId, keyHash }))?.isNew ?? false
    },
  }
}
