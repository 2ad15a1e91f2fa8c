// Rows of `idempotency_keys`: claimed by one request, which stores its response for repetitions.
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { idempotencyKeys as table } from '../../../drizzle/tables/idempotency-keys.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows } from '../database.ts'

/** A key, and the request that has claimed it. */
export interface Claim {
  readonly keyHash: Buffer
  /** UUID of the claim; a later claim on the key replaces it. */
  readonly claim: string
}

export interface NewClaim extends Claim {
  readonly userId: number | null
  readonly fingerprint: Buffer
  readonly leaseSeconds: number
  readonly lifetimeSeconds: number
}

/** Requests with other content after which a key becomes unusable, so that the content of its first request cannot be guessed. */
const maxMismatches = 5

const thisKey = (db: Database, keyHash: Buffer) => and(own(table, db), eq(table.keyHash, keyHash))
const heldBy = (db: Database, { keyHash, claim }: Claim) =>
  and(thisKey(db, keyHash), eq(table.claim, claim), isNull(table.answer))
const isAbandoned = sql`${table.answer} is null and ${table.leasedUntil} <= now() and ${table.mismatches} < ${maxMismatches}::int`
const isUnusable = sql<boolean>`${table.mismatches} >= ${maxMismatches}::int`

/**
 * Claims a key that is unused, expired, or abandoned by a request with the same content. Of concurrent requests, one gets it.
 * @returns false: another request has claimed it
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
 * Reads a claimed key, and counts a request with other content in the same statement, so that concurrent ones are all counted.
 * @returns null: the key is unused or expired; `answer` is the sealed response, or null if there is none yet
 */
export function findClaimedKey(db: Database, keyHash: Buffer, fingerprint: Buffer) {
  const isSame = eq(table.fingerprint, fingerprint)
  return first(
    db.queries
      .update(table)
      .set({ mismatches: sql`${table.mismatches} + case when ${isSame} then 0 else 1 end` })
      .where(and(thisKey(db, keyHash), gt(table.expiresAt, now)))
      .returning({
        /** Whether it was claimed by a request with the same content, and is usable. */
        fits: sql<boolean>`${isSame} and not ${isUnusable}`,
        answer: table.answer,
        /** Whether the request that claimed it may still be running. */
        isLeased: sql<boolean>`${table.leasedUntil} > now()`,
      }),
  )
}

/** Stores the response of a request, unless another request has claimed the key since. */
export async function updateAnswer(db: Database, claim: Claim, answer: Buffer): Promise<void> {
  await db.queries.update(table).set({ answer }).where(heldBy(db, claim))
}

/** Deletes an unanswered claim, so that the key is unused again. */
export async function deleteClaim(db: Database, claim: Claim): Promise<void> {
  await db.queries.delete(table).where(heldBy(db, claim))
}
