// Rows of `signing_keys`: for each algorithm at most one next and one current, and those before it.
import { and, eq, inArray, lt, sql } from 'drizzle-orm'
import { projects } from '../../../drizzle/tables/projects.ts'
import { signingKeys } from '../../../drizzle/tables/signing-keys.ts'
import { now, pick, secondsFromNow } from '../conditions.ts'
import { hasRows, rowCount, type UnscopedDatabase } from '../database.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = Pick<
  SigningKeyRow,
  'kid' | 'algorithm' | 'state' | 'publicJwk' | 'sealedPrivateKey'
>

const secondsInState = sql<number>`extract(epoch from now() - ${signingKeys.stateSince})`.mapWith(Number)

/** Every key, the oldest first. */
export async function listSigningKeys(
  db: UnscopedDatabase,
): Promise<(NewSigningKey & { createdAt: Date; secondsInState: number })[]> {
  const columns = pick(signingKeys, 'kid', 'algorithm', 'state', 'publicJwk', 'sealedPrivateKey', 'createdAt')
  return db.queries
    .select({ ...columns, secondsInState })
    .from(signingKeys)
    .orderBy(signingKeys.createdAt, signingKeys.kid)
}

/** The values of `tokens.signing_algorithm` that policies of projects name. */
export async function listAlgorithmsInPolicies(db: UnscopedDatabase): Promise<string[]> {
  const named = sql<string | null>`${projects.policy} #>> '{tokens,signing_algorithm}'`
  const rows = await db.queries.selectDistinct({ named }).from(projects)
  return rows.flatMap((row) => row.named ?? [])
}

/** Inserts a key; of several instances that insert one of the same algorithm and state at once, one does and the others do nothing. */
export async function insertSigningKey(db: UnscopedDatabase, key: NewSigningKey): Promise<void> {
  await db.queries.insert(signingKeys).values(key).onConflictDoNothing()
}

/**
 * Makes the next key of an algorithm the current one and the current one, if there is one, a previous one. To be called in
 * a transaction: a second call waits for it, and finds the keys too young.
 * @param currentForSeconds how long the current key must have been current at least
 * @param nextForSeconds how long the next key must have been published at least
 * @returns whether the keys were changed
 */
export async function promoteNextKey(
  { queries }: UnscopedDatabase,
  algorithm: SigningKeyRow['algorithm'],
  currentForSeconds: number,
  nextForSeconds: number,
): Promise<boolean> {
  const locked = await queries
    .select({ kid: signingKeys.kid, state: signingKeys.state, secondsInState })
    .from(signingKeys)
    .where(and(eq(signingKeys.algorithm, algorithm), inArray(signingKeys.state, ['current', 'next'])))
    .orderBy(signingKeys.kid)
    .for('update')
  const current = locked.find(({ state }) => state === 'current')
  const next = locked.find(({ state }) => state === 'next')
  if (current && current.secondsInState < currentForSeconds) return false
  if (!next || next.secondsInState < nextForSeconds) return false
  const setState = (kid: string, state: SigningKeyRow['state']) =>
    queries.update(signingKeys).set({ state, stateSince: now }).where(eq(signingKeys.kid, kid))
  if (current) await setState(current.kid, 'previous')
  await setState(next.kid, 'current')
  return true
}

/**
 * Deletes a key, whatever its state, and lets the next one of its algorithm sign where it was the current one.
 * @returns the state that it had; null: there is no such key
 */
export async function removeKey(
  { queries }: UnscopedDatabase,
  kid: string,
): Promise<SigningKeyRow['state'] | null> {
  const locked = await queries
    .select(pick(signingKeys, 'kid', 'algorithm', 'state'))
    .from(signingKeys)
    .orderBy(signingKeys.kid)
    .for('update')
  const removed = locked.find((row) => row.kid === kid)
  if (!removed) return null
  await queries.delete(signingKeys).where(eq(signingKeys.kid, kid))
  const next = locked.find(({ algorithm, state }) => algorithm === removed.algorithm && state === 'next')
  if (removed.state === 'current' && next)
    await queries
      .update(signingKeys)
      .set({ state: 'current', stateSince: now })
      .where(eq(signingKeys.kid, next.kid))
  return removed.state
}

/** Deletes keys that have been previous for so many seconds. @returns how many */
export function deletePreviousKeys(db: UnscopedDatabase, previousForSeconds: number): Promise<number> {
  const old = lt(signingKeys.stateSince, secondsFromNow(-previousForSeconds))
  const where = and(eq(signingKeys.state, 'previous'), old)
  return rowCount(db.queries.delete(signingKeys).where(where).returning({ kid: signingKeys.kid }))
}

/** Replaces a sealed key by the same key under another seal, unless it was replaced since it was read. */
export function updateSealedKey(
  db: UnscopedDatabase,
  kid: string,
  from: Buffer,
  to: Buffer,
): Promise<boolean> {
  const unchanged = and(eq(signingKeys.kid, kid), eq(signingKeys.sealedPrivateKey, from))
  const change = { sealedPrivateKey: to }
  return hasRows(
    db.queries.update(signingKeys).set(change).where(unchanged).returning({ kid: signingKeys.kid }),
  )
}
