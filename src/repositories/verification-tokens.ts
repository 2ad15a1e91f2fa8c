// Rows of `verification_tokens`: minted, redeemed once, superseded.
import { and, desc, eq, exists, gt, inArray, isNull, lt, ne, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
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

/** A token that a mail carries; `createdAt` is when the mail was owed. */
export type NewMailToken = Omit<NewVerificationToken, 'supersedes'> & { createdAt: Date }

/** Whose address a redeemed token proves. */
export interface Redeemed {
  userId: number
  email: string
}

export function verificationTokensRepository(db: Database) {
  const open = and(isNull(table.usedAt), isNull(table.supersededAt), gt(table.expiresAt, sql`now()`))
  return {
    /**
     * Adds a token and, unless it is to stand beside them, supersedes every other open one of the same user and
     * purpose. An id that is there already adds and supersedes nothing: a mail sent twice must not void what was sent
     * after its first copy.
     */
    async add({ lifetimeSeconds, supersedes, ...token }: NewVerificationToken): Promise<void> {
      const added = await db
        .insert(table)
        .values({ ...token, expiresAt: sql`now() + make_interval(secs => ${lifetimeSeconds}::int)` })
        .onConflictDoNothing({ target: table.id })
        .returning({ id: table.id })
      if (added.length === 0 || !supersedes) return
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

    /**
     * Adds the tokens of mails that are about to be sent, each under the id of its mail and as old as it. Of several
     * for one user and purpose the newest supersedes the others, in whatever order they are sent. A mail that is sent
     * again finds its token and renews it. Returns the ids whose token works: the others' mails were withdrawn, their
     * token was used, or a newer one replaced it.
     *
     * Never waits for a token that is being redeemed at this moment: who redeems may be waiting for the mail's row.
     */
    async addForMails(tokens: readonly NewMailToken[]): Promise<Set<string>> {
      const ids = tokens.map(({ id }) => id)
      const owed = await db
        .select({ id: outbox.id })
        .from(outbox)
        .where(and(inArray(outbox.id, ids), isNull(outbox.sentAt), isNull(outbox.deadAt)))
        .for('key share')
      const stillOwed = new Set(owed.map(({ id }) => id))
      const wanted = tokens.filter(({ id }) => stillOwed.has(id))
      if (wanted.length === 0) return new Set()
      const expiry = (lifetimeSeconds: number) => sql`now() + make_interval(secs => ${lifetimeSeconds}::int)`
      const inserted = await db
        .insert(table)
        .values(
          wanted.map(({ lifetimeSeconds, ...token }) => ({ ...token, expiresAt: expiry(lifetimeSeconds) })),
        )
        .onConflictDoNothing({ target: table.id })
        .returning({ id: table.id })
      const isNew = new Set(inserted.map(({ id }) => id))
      for (const { id, tokenHash, codeHash, lifetimeSeconds } of wanted)
        if (!isNew.has(id)) {
          const unused = and(eq(table.id, id), isNull(table.usedAt), isNull(table.supersededAt))
          const free = db
            .select({ id: table.id })
            .from(table)
            .where(unused)
            .for('update', { skipLocked: true })
          await db
            .update(table)
            .set({ tokenHash, codeHash, expiresAt: expiry(lifetimeSeconds) })
            .where(inArray(table.id, free))
        }
      const newer = alias(table, 'newer')
      const replaced = db
        .select({ id: table.id })
        .from(table)
        .where(
          and(
            inArray(table.userId, [...new Set(wanted.map(({ userId }) => userId))]),
            ne(table.purpose, 'undo_email_change'),
            open,
            exists(
              db
                .select({ id: newer.id })
                .from(newer)
                .where(
                  and(
                    eq(newer.projectId, table.projectId),
                    eq(newer.userId, table.userId),
                    eq(newer.purpose, table.purpose),
                    sql`(${newer.createdAt}, ${newer.id}) > (${table.createdAt}, ${table.id})`,
                  ),
                ),
            ),
          ),
        )
        .for('update', { of: table, skipLocked: true })
      await db.update(table).set({ supersededAt: sql`now()` }).where(inArray(table.id, replaced))
      const working = await db
        .select({ id: table.id })
        .from(table)
        .where(and(inArray(table.id, [...stillOwed]), open))
      return new Set(working.map(({ id }) => id))
    },

    /** Whether a token, of this address if one is given, would be redeemed now. */
    async isOpen(
      projectId: string,
      purpose: Purpose,
      tokenHash: Buffer,
      email: string | undefined,
    ): Promise<boolean> {
      const rows = await db
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
