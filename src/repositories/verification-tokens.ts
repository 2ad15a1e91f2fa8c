// Rows of `verification_tokens`: minted, redeemed once, superseded.
import { and, desc, eq, gt, inArray, isNull, lt, ne, sql } from 'drizzle-orm'
import { outbox } from '../../drizzle/tables/outbox.ts'
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
  supersedes: boolean
}

/** Whose address a redeemed token proves. */
export interface Redeemed {
  userId: number
  email: string
}

/** Would be redeemed now. */
export const open = and(isNull(table.usedAt), isNull(table.supersededAt), gt(table.expiresAt, sql`now()`))

export function verificationTokensRepository(db: Database) {
  return {
    /**
     * Adds a token and, unless it is to stand beside them, supersedes every other open one of the same user and
     * purpose. An id that is there already adds and supersedes nothing: a mail sent twice must not void what was sent
     * after its first copy.
     */
    async add({ lifetimeSeconds, supersedes, ...token }: NewVerificationToken): Promise<void> {
      const queries = db.of(token.projectId)
      const added = await queries
        .insert(table)
        .values({ ...token, expiresAt: sql`now() + make_interval(secs => ${lifetimeSeconds}::int)` })
        .onConflictDoNothing({ target: table.id })
        .returning({ id: table.id })
      if (added.length === 0 || !supersedes) return
      await queries
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

    /** Whether a token, of this address if one is given, would be redeemed now. */
    async isOpen(
      projectId: string,
      purpose: Purpose,
      tokenHash: Buffer,
      email: string | undefined,
    ): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .select({ id: table.id })
        .from(table)
        .where(
          and(
            eq(table.projectId, projectId),
            eq(table.purpose, purpose),
            eq(table.tokenHash, tokenHash),
            email === undefined ? undefined : eq(table.email, email),
            open,
          ),
        )
      return rows.length > 0
    },

    /**
     * Voids every open token of the user but those of the spared purpose (null: of none), and withdraws the mails that would bring one:
     * what was asked for before must not come to life when it is sent.
     */
    async voidAll(projectId: string, userId: number, spared: Purpose | null): Promise<void> {
      // Before the tokens: a courier that mints now holds the mail's row until its token can be seen.
      await db
        .of(projectId)
        .delete(outbox)
        .where(
          and(
            eq(outbox.projectId, projectId),
            eq(outbox.userId, userId),
            inArray(outbox.kind, ['verify_email', 'reset_password', 'change_email']),
            isNull(outbox.sentAt),
          ),
        )
      await db
        .of(projectId)
        .update(table)
        .set({ supersededAt: sql`now()` })
        .where(
          and(
            eq(table.projectId, projectId),
            eq(table.userId, userId),
            spared ? ne(table.purpose, spared) : undefined,
            open,
          ),
        )
    },

    /**
     * Redeems a token, of this address if one is given, in one statement; null when it is unknown, used, superseded,
     * expired, of another address or of another project. One that is good only together with something needs its hash.
     */
    async redeem(
      projectId: string,
      purpose: Purpose,
      tokenHash: Buffer,
      email: string | undefined,
      codeHash?: Buffer,
    ): Promise<Redeemed | null> {
      return first(
        await db
          .of(projectId)
          .update(table)
          .set({ usedAt: sql`now()` })
          .where(
            and(
              eq(table.projectId, projectId),
              eq(table.purpose, purpose),
              eq(table.tokenHash, tokenHash),
              email === undefined ? undefined : eq(table.email, email),
              codeHash && eq(table.codeHash, codeHash),
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
        .of(projectId)
        .select({ id: table.id })
        .from(table)
        .where(and(eq(table.projectId, projectId), eq(table.email, email), eq(table.purpose, purpose), open))
        .orderBy(desc(table.createdAt))
        .limit(1)
      const fits = sql`${table.codeHash} = ${codeHash}`
      const row = first(
        await db
          .of(projectId)
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
