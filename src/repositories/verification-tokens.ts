// Rows of `verification_tokens`: minted, redeemed once, superseded.
import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import { users } from '../../drizzle/tables/users.ts'
import { verificationTokens } from '../../drizzle/tables/verification-tokens.ts'
import { type Database, first } from './database.ts'

const table = verificationTokens

export type Purpose = typeof table.$inferSelect.purpose

export interface NewVerificationToken {
  id: string
  projectId: string
  userId: number
  purpose: Purpose
  email: string
  tokenHash: Buffer
  codeHash: Buffer
  lifetimeSeconds: number
}

/** Whose address a redeemed token proves. */
export interface Redeemed {
  userId: number
  email: string
}

export function verificationTokensRepository(db: Database) {
  const open = and(isNull(table.usedAt), isNull(table.supersededAt), gt(table.expiresAt, sql`now()`))
  return {
    /** Adds a token and supersedes every older open one of the same user and purpose. */
    async add({ lifetimeSeconds, ...token }: NewVerificationToken): Promise<void> {
      await db
        .update(table)
        .set({ supersededAt: sql`now()` })
        .where(
          and(
            eq(table.projectId, token.projectId),
            eq(table.userId, token.userId),
            eq(table.purpose, token.purpose),
            open,
          ),
        )
      await db
        .insert(table)
        .values({ ...token, expiresAt: sql`now() + make_interval(secs => ${lifetimeSeconds}::int)` })
    },

    /** Redeems a token in one statement; null when it is unknown, used, superseded, expired or of another project. */
    async redeem(projectId: string, purpose: Purpose, tokenHash: Buffer): Promise<Redeemed | null> {
      return first(
        await db
          .update(table)
          .set({ usedAt: sql`now()` })
          .where(
            and(
              eq(table.projectId, projectId),
              eq(table.purpose, purpose),
              eq(table.tokenHash, tokenHash),
              open,
            ),
          )
          .returning({ userId: table.userId, email: table.email }),
      )
    },

    /**
     * Tries a short code against the newest open token of the account behind `email`.
     * The try is counted in the same statement, whether or not the code fits; null when it does not.
     */
    async redeemCode(
      projectId: string,
      purpose: Purpose,
      email: string,
      codeHash: Buffer,
      maxAttempts: number,
    ): Promise<Redeemed | null> {
      const newest = db
        .select({ id: table.id })
        .from(table)
        .innerJoin(users, and(eq(users.id, table.userId), eq(users.email, table.email)))
        .where(
          and(
            eq(table.projectId, projectId),
            eq(users.projectId, projectId),
            eq(users.email, email),
            eq(table.purpose, purpose),
            open,
          ),
        )
        .orderBy(desc(table.createdAt))
        .limit(1)
      const fits = sql`${table.codeHash} = ${codeHash}`
      const row = first(
        await db
          .update(table)
          .set({
            codeAttempts: sql`${table.codeAttempts} + 1`,
            usedAt: sql`case when ${fits} then now() end`,
          })
          .where(and(eq(table.id, sql`(${newest})`), lt(table.codeAttempts, maxAttempts), open))
          .returning({ userId: table.userId, email: table.email, usedAt: table.usedAt }),
      )
      return row?.usedAt ? { userId: row.userId, email: row.email } : null
    },
  }
}
