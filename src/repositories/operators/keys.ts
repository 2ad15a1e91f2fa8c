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

/** The active key of a prefix. The caller compares the hash. */
export function findActiveKey(db: Database, keyPrefix: string) {
  return first(
    db.queries
      .select({ ...shown, keyHash: operatorKeys.keyHash })
      .from(operatorKeys)
      .where(and(own(operatorKeys, db), eq(operatorKeys.keyPrefix, keyPrefix), isActive)),
  )
}

/** Notes that the key was used now, at most once a minute. */
export async function markKeyUsed(db: Database, id: string): Promise<void> {
  const isNews = or(
    isNull(operatorKeys.lastUsedAt),
    lte(operatorKeys.lastUsedAt, sql`now() - interval '1 minute'`),
  )
  const where = and(own(operatorKeys, db), eq(operatorKeys.id, id), isNews)
  await db.queries.update(operatorKeys).set({ lastUsedAt: now }).where(where)
}

export function insertKey(
  db: Database,
  key: Omit<typeof operatorKeys.$inferInsert, 'projectId' | 'createdAt' | 'lastUsedAt' | 'revokedAt'>,
): Promise<OperatorKeyRow> {
  const values = { ...key, projectId: db.projectId }
  return one(db.queries.insert(operatorKeys).values(values).returning(shown))
}

/** Every key, active ones first, then the newest; at most `limit`. */
export async function listKeys(db: Database, limit: number): Promise<OperatorKeyRow[]> {
  return db.queries
    .select(shown)
    .from(operatorKeys)
    .where(own(operatorKeys, db))
    .orderBy(desc(sql`${isActive}`), desc(operatorKeys.createdAt), asc(operatorKeys.id))
    .limit(limit)
}

/** The active keys that an account made, locked until the transaction ends. */
export async function listKeysBy(db: Database, createdBy: string): Promise<OperatorKeyRow[]> {
  return db.queries
    .select(shown)
    .from(operatorKeys)
    .where(and(own(operatorKeys, db), eq(operatorKeys.createdBy, createdBy), isActive))
    .orderBy(asc(operatorKeys.id))
    .for('update')
}

/** Who made a key; null: the command line. */
export async function findMakerOf(db: Database, id: string): Promise<string | null> {
  const { createdBy } = operatorKeys
  const mine = and(own(operatorKeys, db), eq(operatorKeys.id, id))
  return (await first(db.queries.select({ createdBy }).from(operatorKeys).where(mine)))?.createdBy ?? null
}

/** Revokes a key; null where there is none. One that is revoked already keeps its time. */
export async function revokeKey(db: Database, id: string): Promise<OperatorKeyRow | null> {
  const mine = and(own(operatorKeys, db), eq(operatorKeys.id, id))
  const change = { revokedAt: sql`coalesce(${operatorKeys.revokedAt}, now())` }
  return first(db.queries.update(operatorKeys).set(change).where(mine).returning(shown))
}

/** @param setup.userId null: the link makes the first owner */
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

/** Uses a link up; null where it is not open. */
export function redeemSetup(
  db: Database,
  tokenHash: Buffer,
): Promise<{ readonly userId: number | null } | null> {
  const { userId } = operatorSetups
  return first(
    db.queries.update(operatorSetups).set({ usedAt: now }).where(ofHash(db, tokenHash)).returning({ userId }),
  )
}

/** A link that is open, without using it up; null where it is not. */
export function findSetup(
  db: Database,
  tokenHash: Buffer,
): Promise<{ readonly userId: number | null } | null> {
  const { userId } = operatorSetups
  return first(db.queries.select({ userId }).from(operatorSetups).where(ofHash(db, tokenHash)))
}

/** Voids every open link of an account. */
export function voidSetups(db: Database, userId: number): Promise<boolean> {
  const where = and(own(operatorSetups, db), eq(operatorSetups.userId, userId), isOpen)
  return hasRows(
    db.queries.update(operatorSetups).set({ usedAt: now }).where(where).returning({ id: operatorSetups.id }),
  )
}
