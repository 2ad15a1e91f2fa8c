// Rows of `signing_keys`: at most one next, exactly one current, and those before it.
import { and, eq, lt, sql } from 'drizzle-orm'
import { signingKeys } from '../../drizzle/tables/signing-keys.ts'
import type { Queries } from './database.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = Pick<SigningKeyRow, 'kid' | 'state' | 'publicJwk' | 'sealedPrivateKey'>

const secondsInState = sql<number>`extract(epoch from now() - ${signingKeys.stateSince})`.mapWith(Number)

export function signingKeysRepository(db: Queries) {
  return {
    async list(): Promise<(NewSigningKey & { createdAt: Date; secondsInState: number })[]> {
      const { kid, state, publicJwk, sealedPrivateKey, createdAt } = signingKeys
      return db
        .select({ kid, state, publicJwk, sealedPrivateKey, createdAt, secondsInState })
        .from(signingKeys)
        .orderBy(signingKeys.createdAt, signingKeys.kid)
    },

    /** Adds a key; when several instances add one of the same state at once, one wins and the others add nothing. */
    async add(key: NewSigningKey): Promise<void> {
      await db.insert(signingKeys).values(key).onConflictDoNothing()
    },

    /**
     * Makes the next key the current one and the current one a previous one, in a transaction. False, and nothing
     * changed, unless both have been what they are for so many seconds; who comes second waits, and finds them too young.
     */
    async promote(currentForSeconds: number, nextForSeconds: number): Promise<boolean> {
      const held = await db
        .select({ kid: signingKeys.kid, state: signingKeys.state, secondsInState })
        .from(signingKeys)
        .where(sql`${signingKeys.state} in ('current', 'next')`)
        .orderBy(signingKeys.kid)
        .for('update')
      const current = held.find(({ state }) => state === 'current')
      const next = held.find(({ state }) => state === 'next')
      if (!current || current.secondsInState < currentForSeconds) return false
      if (!next || next.secondsInState < nextForSeconds) return false
      const become = (kid: string, state: SigningKeyRow['state']) =>
        db.update(signingKeys).set({ state, stateSince: sql`now()` }).where(eq(signingKeys.kid, kid))
      await become(current.kid, 'previous')
      await become(next.kid, 'current')
      return true
    },

    /** Removes keys that have been previous for so many seconds; returns how many. */
    async retire(previousForSeconds: number): Promise<number> {
      const old = sql`now() - make_interval(secs => ${previousForSeconds}::int)`
      const rows = await db
        .delete(signingKeys)
        .where(and(eq(signingKeys.state, 'previous'), lt(signingKeys.stateSince, old)))
        .returning({ kid: signingKeys.kid })
      return rows.length
    },

    /** Replaces a sealed key by the same key under another seal, if it still is the one that was opened. */
    async reseal(kid: string, from: Buffer, to: Buffer): Promise<boolean> {
      const rows = await db
        .update(signingKeys)
        .set({ sealedPrivateKey: to })
        .where(and(eq(signingKeys.kid, kid), eq(signingKeys.sealedPrivateKey, from)))
        .returning({ kid: signingKeys.kid })
      return rows.length > 0
    },
  }
}
