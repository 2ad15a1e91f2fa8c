// Rows of `verification_tokens` that mails carry, added by the courier for every project at once.
import { and, eq, exists, inArray, isNull, ne, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { outbox } from '../../drizzle/tables/outbox.ts'
import { users } from '../../drizzle/tables/users.ts'
import { verificationTokens as table } from '../../drizzle/tables/verification-tokens.ts'
import type { Queries } from './database.ts'
import { type NewVerificationToken, open } from './verification-tokens.ts'

/** A token that a mail carries; `createdAt` is when the mail was owed. */
export type NewMailToken = Omit<NewVerificationToken, 'supersedes'> & { createdAt: Date }

export function mailTokensRepository(db: Queries) {
  return {
    /**
     * Adds the tokens of mails that are about to be sent, each under the id of its mail and as old as it. Of several
     * for one user and purpose the newest supersedes the others, in whatever order they are sent. A mail that is sent
     * again finds its token and renews it. Returns the ids whose token works: the others' mails were withdrawn, their
     * token was used, or a newer one replaced it.
     *
     * Never waits for a token that is being redeemed at this moment: who redeems may be waiting for the mail's row. And
     * holds the accounts before the mails, as whoever removes an account does.
     */
    async add(tokens: readonly NewMailToken[]): Promise<Set<string>> {
      const ids = tokens.map(({ id }) => id)
      await db
        .select({ id: users.id })
        .from(users)
        .where(inArray(users.id, [...new Set(tokens.map(({ userId }) => userId))]))
        .for('key share')
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
  }
}
