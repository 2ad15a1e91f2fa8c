// Rows of `operator_keys` and `operator_setups`; the database is bound to the project of the operators.
import { and, asc, desc, eq, gt, isNull, lte, or, sql } from 'drizzle-orm'
import { operatorKeys, operatorSetups } from '../../../drizzle/tables/operators.ts'
import { now, own, pick, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows, one } from '../database.ts'

/** The columns of a key that an owner sees. */
const shown = {
  ...pick(operatorKeys, 'id', 'name', 'keyPrefix', 'scope', 'role', 'createdBy'),
  ...pick(operatorKeys, 'createdAt', 'expiresAt', 'lastUsedAt', 'revokedAt'),
}
export type OperatorKeyRow = Pick<typeof operatorKeys.$inferSelect, keyof typeof shown>

const isActive = and(isNull(operatorKeys.revokedAt), gt(operatorKeys.expiresAt, now))
const thisKey = (db: Database, id: string) => and(own(operatorKeys, db), eq(operatorKeys.id, id))

/** Finds the active key with a prefix. The caller compares the hash. */
export function findActiveKey(db: Database, keyPrefix: string) {
  return first(
    db.queries
      .select({ ...shown, keyHash: operatorKeys.keyHash })
      .from(operatorKeys)
      .where(and(own(operatorKeys, db), eq(operatorKeys.keyPrefix, keyPrefix), isActive)),
  )
}

/** Marks a key as used now, at most once a minute. */
export async function markKeyUsed(db: Database, id: string): Promise<void> {
  const isUnnoted = or(
    isNull(operatorKeys.lastUsedAt),
    lte(operatorKeys.lastUsedAt, sql`now() - interval '1 minute'`),
  )
  const where = and(thisKey(db, id), isUnnoted)
  await db.queries.update(operatorKeys).set({ lastUsedAt: now }).where(where)
}

export function insertKey(
  db: Database,
  key: Omit<typeof operatorKeys.$inferInsert, 'projectId' | 'createdAt' | 'lastUsedAt' | 'revokedAt'>,
): Promise<OperatorKeyRow> {
  const values = { ...key, projectId: db.projectId }
  return one(db.queries.insert(operatorKeys).values(values).returning(shown))
}

/** Lists all keys, active ones first, then the newest; at most `limit`. */
export async function listKeys(db: Database, limit: number): Promise<OperatorKeyRow[]> {
  return db.queries
    .select(shown)
    .from(operatorKeys)
    .where(own(operatorKeys, db))
    .orderBy(desc(sql`${isActive}`), desc(operatorKeys.createdAt), asc(operatorKeys.id))
    .limit(limit)
}

/** Lists the active keys that an account created, and locks them until the transaction ends. */
export async function listKeysBy(db: Database, createdBy: string): Promise<OperatorKeyRow[]> {
  return db.queries
    .select(shown)
    .from(operatorKeys)
    .where(and(own(operatorKeys, db), eq(operatorKeys.createdBy, createdBy), isActive))
    .orderBy(asc(operatorKeys.id))
    .for('update')
}

/** Finds the UUID of the account that created a key; null: the command line. */
export async function findKeyCreator(db: Database, id: string): Promise<string | null> {
  const { createdBy } = operatorKeys
  const row = await first(db.queries.select({ createdBy }).from(operatorKeys).where(thisKey(db, id)))
  return row?.createdBy ?? null
}

/** Revokes a key; one that was revoked before keeps its time. @returns null: the key is unknown */
export async function revokeKey(db: Database, id: string): Promise<OperatorKeyRow | null> {
  const change = { revokedAt: sql`coalesce(${operatorKeys.revokedAt}, now())` }
  return first(db.queries.update(operatorKeys).set(change).where(thisKey(db, id)).returning(shown))
}

/** Inserts a set-up link. @param setup.userId null: the link creates the first owner */
export async function insertSetup(
  db: Database,
  setup: {
    readonly id: string
    readonly userId: number | null
    readonly tokenHash: Buffer
    readonly lifetimeSeconds: number
  },
): Promise<void> {
  const { lifetimeSeconds, ...row } = setup
  const values = { ...row, projectId: db.projectId, expiresAt: secondsFromNow(lifetimeSeconds) }
  await db.queries.insert(operatorSetups).values(values)
}

const isOpen = and(isNull(operatorSetups.usedAt), gt(operatorSetups.expiresAt, now))
const ofHash = (db: Database, hash: Buffer) =>
  and(own(operatorSetups, db), eq(operatorSetups.tokenHash, hash), isOpen)

/** Uses an open set-up link, once. @returns null: it is not open */
export function redeemSetup(
  db: Database,
  tokenHash: Buffer,
): Promise<{ readonly userId: number | null } | null> {
  const { userId } = operatorSetups
  return first(
    db.queries.update(operatorSetups).set({ usedAt: now }).where(ofHash(db, tokenHash)).returning({ userId }),
  )
}

/** Finds an open set-up link without using it. @returns null: it is not open */
export function findSetup(
  db: Database,
  tokenHash: Buffer,
): Promise<{ readonly userId: number | null } | null> {
  const { userId } = operatorSetups
  return first(db.queries.select({ userId }).from(operatorSetups).where(ofHash(db, tokenHash)))
}

/** Voids every open set-up link of an account. @returns whether there was any */
export function voidSetups(db: Database, userId: number): Promise<boolean> {
  const where = and(own(operatorSetups, db), eq(operatorSetups.userId, userId), isOpen)
  return hasRows(
    db.queries.update(operatorSetups).set({ usedAt: now }).where(where).returning({ id: operatorSetups.id }),
  )
}
