// Rows of `signing_keys` and `jwt_signing_keys`: for each algorithm at most one next and one current key, and previous ones.
import { and, eq, inArray, lt, sql } from 'drizzle-orm'
import { projects } from '../../../drizzle/tables/projects.ts'
import { jwtSigningKeys, signingKeys } from '../../../drizzle/tables/signing-keys.ts'
import { now, pick, secondsFromNow } from '../conditions.ts'
import { hasRows, rowCount, type UnscopedDatabase } from '../database.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = Pick<
  SigningKeyRow,
  'kid' | 'algorithm' | 'state' | 'publicJwk' | 'sealedPrivateKey'
>

/** Minimum ages of keys in their state, in seconds, before they change to the next state. */
export interface RotationAges {
  readonly currentSeconds: number
  readonly nextSeconds: number
  /** For a next key of an algorithm that has no current one; default: `nextSeconds`. */
  readonly firstSeconds?: number
}

const tables = [signingKeys, jwtSigningKeys] as const
type Table = (typeof tables)[number]
const tableOf = (algorithm: SigningKeyRow['algorithm']): Table =>
  algorithm === 'EdDSA' ? signingKeys : jwtSigningKeys

const secondsInState = ({ stateSince }: Table) =>
  sql<number>`extract(epoch from now() - ${stateSince})`.mapWith(Number)

/** Lists all keys, the oldest first. */
export async function listSigningKeys(
  db: UnscopedDatabase,
): Promise<(NewSigningKey & { createdAt: Date; secondsInState: number })[]> {
  const lists = await Promise.all(
    tables.map((table) =>
      db.queries
        .select({
          ...pick(table, 'kid', 'algorithm', 'state', 'publicJwk', 'sealedPrivateKey', 'createdAt'),
          secondsInState: secondsInState(table),
        })
        .from(table),
    ),
  )
  return lists
    .flat()
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.kid < b.kid ? -1 : 1))
}

/** Lists the values of `tokens.signing_algorithm` in the policies of projects. */
export async function listAlgorithmsInPolicies(db: UnscopedDatabase): Promise<string[]> {
  const named = sql<string | null>`${projects.policy} #>> '{tokens,signing_algorithm}'`
  const rows = await db.queries.selectDistinct({ named }).from(projects)
  return rows.flatMap((row) => row.named ?? [])
}

/** Inserts a key. If a concurrent instance has inserted one of the same algorithm and state, nothing happens. */
export async function insertSigningKey(db: UnscopedDatabase, key: NewSigningKey): Promise<void> {
  await db.queries.insert(tableOf(key.algorithm)).values(key).onConflictDoNothing()
}

async function setState(
  { queries }: UnscopedDatabase,
  table: Table,
  kid: string,
  state: SigningKeyRow['state'],
): Promise<void> {
  await queries.update(table).set({ state, stateSince: now }).where(eq(table.kid, kid))
}

/**
 * Makes the next key of an algorithm the current one, and the current one, if there is one, a previous one. To be called in a
 * transaction: a concurrent call waits for it, and then finds the keys too young.
 * @returns whether the keys were changed
 */
export async function promoteNextKey(
  db: UnscopedDatabase,
  algorithm: SigningKeyRow['algorithm'],
  { currentSeconds, nextSeconds, firstSeconds = nextSeconds }: RotationAges,
): Promise<boolean> {
  const table = tableOf(algorithm)
  const locked = await db.queries
    .select({ kid: table.kid, state: table.state, secondsInState: secondsInState(table) })
    .from(table)
    .where(and(eq(table.algorithm, algorithm), inArray(table.state, ['current', 'next'])))
    .orderBy(table.kid)
    .for('update')
  const current = locked.find(({ state }) => state === 'current')
  const next = locked.find(({ state }) => state === 'next')
  if (current && current.secondsInState < currentSeconds) return false
  if (!next || next.secondsInState < (current ? nextSeconds : firstSeconds)) return false
  if (current) await setState(db, table, current.kid, 'previous')
  await setState(db, table, next.kid, 'current')
  return true
}

/**
 * Deletes a key in any state. If it was the current one, the next key of its algorithm becomes the current one.
 * @returns the state that it had; null: the key is unknown
 */
export async function removeKey(db: UnscopedDatabase, kid: string): Promise<SigningKeyRow['state'] | null> {
  for (const table of tables) {
    const locked = await db.queries
      .select(pick(table, 'kid', 'algorithm', 'state'))
      .from(table)
      .orderBy(table.kid)
      .for('update')
    const removed = locked.find((row) => row.kid === kid)
    if (!removed) continue
    await db.queries.delete(table).where(eq(table.kid, kid))
    const next = locked.find(({ algorithm, state }) => algorithm === removed.algorithm && state === 'next')
    if (removed.state === 'current' && next) await setState(db, table, next.kid, 'current')
    return removed.state
  }
  return null
}

/** Deletes keys that have been previous for a number of seconds. @returns how many */
export async function deletePreviousKeys(db: UnscopedDatabase, previousForSeconds: number): Promise<number> {
  let deleted = 0
  for (const table of tables) {
    const old = lt(table.stateSince, secondsFromNow(-previousForSeconds))
    const where = and(eq(table.state, 'previous'), old)
    deleted += await rowCount(db.queries.delete(table).where(where).returning({ kid: table.kid }))
  }
  return deleted
}

/** Replaces a sealed key by the same key under another secret. @returns false: it changed since it was read */
export async function updateSealedKey(
  db: UnscopedDatabase,
  kid: string,
  from: Buffer,
  to: Buffer,
): Promise<boolean> {
  for (const table of tables) {
    const unchanged = and(eq(table.kid, kid), eq(table.sealedPrivateKey, from))
    const change = { sealedPrivateKey: to }
    const changed = db.queries.update(table).set(change).where(unchanged).returning({ kid: table.kid })
    if (await hasRows(changed)) return true
  }
  return false
}
