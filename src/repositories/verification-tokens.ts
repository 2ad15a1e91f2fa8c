// Rows of `verification_tokens`: minted, redeemed once, superseded.
import { and, desc, eq, gt, isNull, lt, ne, sql } from 'drizzle-orm'
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
    /**
     * Adds a token and supersedes every other open one of the same user and purpose. An id that is there already adds
     * and supersedes nothing: a mail sent twice must not void what was sent after its first copy.
     */
    async add({ lifetimeSeconds, ...token }: NewVerificationToken): Promise<void> {
      const added = await db
        .insert(table)
        .values({ ...token, expiresAt: sql`now() + make_interval(secs => ${lifetimeSeconds}::int)` })
        .onConflictDoNothing({ target: table.id })
        .returning({ id: table.id })
      if (added.length === 0) return
      await db
        .update(table)
        .set({ supersededAt: sql`now()` })
        .where(
          and(
            eq(table.projectId, token.projectId),
            eq(table.userId, token.userId),
            eq(table.purpose, token.purpose),
            ne(table.id, token.id),
            open,
          ),
        )
    },

    async isOpen(projectId: string, purpose: Purpose, tokenHash: Buffer): Promise<boolean> {
      const rows = await db
        .select({ id: table.id })
        .from(table)
        .where(
          and(
            eq(table.projectId, projectId),
            eq(table.purpose, purpose),
            eq(table.tokenHash, tokenHash),
            open,
          ),
        )
      return rows.length > 0
    },

    /** Voids every open token of the user but those of the spared purpose. */
    async voidAll(projectId: string, userId: number, spared: Purpose): Promise<void> {
      await db
        .update(table)
        .set({ supersededAt: sql`now()` })
        .where(and(eq(table.projectId, projectId), eq(table.userId, userId), ne(table.purpose, spared), open))
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
     * Tries a short code against the newest open token that was sent to `email`.
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
        .where(and(eq(table.projectId, projectId), eq(table.email, email), eq(table.purpose, purpose), open))
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
