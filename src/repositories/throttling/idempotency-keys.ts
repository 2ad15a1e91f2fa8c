// Idempotency keys: claimed by one request, answered once, looked up by its repetitions.
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { idempotencyKeys as table } from '../../../drizzle/tables/idempotency-keys.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows } from '../database.ts'

/** A key and the request that holds it. */
export interface Claim {
  readonly keyHash: Buffer
  /** UUID of the request's claim; another claim on the key takes it away. */
  readonly claim: string
}

export interface NewClaim extends Claim {
  readonly userId: number | null
  readonly fingerprint: Buffer
  readonly leaseSeconds: number
  readonly lifetimeSeconds: number
}

/** Requests with another content after which a key is unusable, so that its first request cannot be found by guessing. */
const maxMismatches = 5

const thisKey = (db: Database, keyHash: Buffer) => and(own(table, db), eq(table.keyHash, keyHash))
const heldBy = (db: Database, { keyHash, claim }: Claim) =>
  and(thisKey(db, keyHash), eq(table.claim, claim), isNull(table.answer))
const isAbandoned = sql`${table.answer} is null and ${table.leasedUntil} <= now() and ${table.mismatches} < ${maxMismatches}::int`
const isUnusable = sql<boolean>`${table.mismatches} >= ${maxMismatches}::int`

/**
 * Claims a key that is free, expired, or left unanswered by the same request; one of several at once gets it.
 * @returns false where another request has it
 */
export function insertClaim(
  db: Database,
  { leaseSeconds, lifetimeSeconds, ...claim }: NewClaim,
): Promise<boolean> {
  const row = {
    ...claim,
    projectId: db.projectId,
    leasedUntil: secondsFromNow(leaseSeconds),
    answer: null,
    mismatches: 0,
    createdAt: now,
    expiresAt: secondsFromNow(lifetimeSeconds),
  }
  return hasRows(
    db.queries
      .insert(table)
      .values(row)
      .onConflictDoUpdate({
        target: [table.projectId, table.keyHash],
        set: row,
        setWhere: sql`${table.expiresAt} <= now() or (${isAbandoned} and ${table.fingerprint} = ${claim.fingerprint})`,
      })
      .returning({ claim: table.claim }),
  )
}

/**
 * Reads a claimed key; null where it is free or expired. A request with another content is counted in the same
 * statement, before the contents are compared, so that several at once are all counted. The answer is sealed; null: not
 * answered yet.
 */
export function findClaimedKey(db: Database, keyHash: Buffer, fingerprint: Buffer) {
  const isSame = eq(table.fingerprint, fingerprint)
  return first(
    db.queries
      .update(table)
      .set({ mismatches: sql`${table.mismatches} + case when ${isSame} then 0 else 1 end` })
      .where(and(thisKey(db, keyHash), gt(table.expiresAt, now)))
      .returning({
        /** Whether it was claimed by this very request and has not seen too many others. */
        fits: sql<boolean>`${isSame} and not ${isUnusable}`,
        answer: table.answer,
        /** Whether the request that claimed it may still run. */
        isLeased: sql<boolean>`${table.leasedUntil} > now()`,
      }),
  )
}

/** Stores the answer of the request that holds the claim; nothing where it lost the claim. */
export async function updateAnswer(db: Database, claim: Claim, answer: Buffer): Promise<void> {
  await db.queries.update(table).set({ answer }).where(heldBy(db, claim))
}

/** Frees the key, unanswered, as if it had never been used. */
export async function deleteClaim(db: Database, claim: Claim): Promise<void> {
  await db.queries.delete(table).where(heldBy(db, claim))
}
