// Rows of `idempotency_keys`: claimed by one request, answered once, looked up by its repetitions.
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { idempotencyKeys } from '../../drizzle/tables/idempotency-keys.ts'
import { type Database, first } from './database.ts'

const table = idempotencyKeys

/** Who holds a key: the answer is taken from nobody else. */
export interface Claim {
  readonly projectId: string
  readonly keyHash: Buffer
  readonly claim: string
}

export interface NewClaim extends Claim {
  readonly userId: number | null
  readonly fingerprint: Buffer
  readonly leaseSeconds: number
  readonly lifetimeSeconds: number
}

/** A key that somebody claimed before. */
export interface Claimed {
  /** Whether it was this very request, and the key is not spent. */
  readonly fits: boolean
  /** Sealed; null: not answered yet. */
  readonly answer: Buffer | null
  /** Whether whoever claimed it may still be at it. */
  readonly isLeased: boolean
}

/** Requests of another content after which a key is spent: nobody finds out by trying what the first one said. */
const mostMismatches = 5

export function idempotencyKeysRepository(db: Database) {
  const inSeconds = (seconds: number) => sql`now() + make_interval(secs => ${seconds}::int)`
  const ofKey = (projectId: string, keyHash: Buffer) =>
    and(eq(table.projectId, projectId), eq(table.keyHash, keyHash))
  const held = ({ projectId, keyHash, claim }: Claim) =>
    and(ofKey(projectId, keyHash), eq(table.claim, claim), isNull(table.answer))
  const isLeft = sql`${table.answer} is null and ${table.leasedUntil} <= now() and ${table.mismatches} < ${mostMismatches}::int`
  const isSpent = sql<boolean>`${table.mismatches} >= ${mostMismatches}::int`

  return {
    /**
     * Claims a key that nobody holds, whose day is over, or that the same request left unanswered; of many at once one
     * gets it. False: somebody has it.
     */
    async claim({ leaseSeconds, lifetimeSeconds, ...claim }: NewClaim): Promise<boolean> {
      const fresh = {
        leasedUntil: inSeconds(leaseSeconds),
        answer: null,
        mismatches: 0,
        createdAt: sql`now()`,
        expiresAt: inSeconds(lifetimeSeconds),
      }
      const rows = await db
        .of(claim.projectId)
        .insert(table)
        .values({ ...claim, ...fresh })
        .onConflictDoUpdate({
          target: [table.projectId, table.keyHash],
          set: { ...claim, ...fresh },
          setWhere: sql`${table.expiresAt} <= now() or (${isLeft} and ${table.fingerprint} = ${claim.fingerprint})`,
        })
        .returning({ claim: table.claim })
      return rows.length > 0
    },

    /**
     * What is known of a key that is claimed; null: nothing that counts. That another request came under it is counted
     * before the two are compared, so that those who try at once are counted too.
     */
    async look(projectId: string, keyHash: Buffer, fingerprint: Buffer): Promise<Claimed | null> {
      const isSame = eq(table.fingerprint, fingerprint)
      return first(
        await db
          .of(projectId)
          .update(table)
          .set({ mismatches: sql`${table.mismatches} + case when ${isSame} then 0 else 1 end` })
          .where(and(ofKey(projectId, keyHash), gt(table.expiresAt, sql`now()`)))
          .returning({
            fits: sql<boolean>`${isSame} and not ${isSpent}`,
            answer: table.answer,
            isLeased: sql<boolean>`${table.leasedUntil} > now()`,
          }),
      )
    },

    /** Keeps the answer of the request that holds the claim; one that lost it keeps nothing. */
    async answer(claim: Claim, answer: Buffer): Promise<void> {
      await db.of(claim.projectId).update(table).set({ answer }).where(held(claim))
    },

    /** Gives the key back unanswered, as if it had never been used. */
    async release(claim: Claim): Promise<void> {
      await db.of(claim.projectId).delete(table).where(held(claim))
    },
  }
}
