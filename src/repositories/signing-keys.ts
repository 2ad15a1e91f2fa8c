// Rows of `signing_keys`.
import { signingKeys } from '../../drizzle/tables/signing-keys.ts'
import type { Database } from './database.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect

export function signingKeysRepository(db: Database) {
  return {
    async list(): Promise<SigningKeyRow[]> {
      return db.select().from(signingKeys)
    },

    /** Adds a key; when several instances add the first current key at once, one wins and the others add nothing. */
    async add(key: Omit<SigningKeyRow, 'createdAt'>): Promise<void> {
      await db.insert(signingKeys).values(key).onConflictDoNothing()
    },
  }
}
