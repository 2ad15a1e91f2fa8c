// Rows of `outbox`: mail owed, taken by a courier, sent or given up.
import { and, asc, eq, inArray, isNull, lte, sql } from 'drizzle-orm'
import { outbox } from '../../drizzle/tables/outbox.ts'
import { users } from '../../drizzle/tables/users.ts'
import type { Database } from './database.ts'

export type OutboxRow = typeof outbox.$inferSelect
export type MailKind = OutboxRow['kind']
export type MailDetails = OutboxRow['details']

export function outboxRepository(db: Database) {
  return {
    async owe(mail: {
      id: string
      projectId: string
      userId: number
      kind: MailKind
      recipient?: string
      details?: MailDetails
    }): Promise<void> {
      await db.insert(outbox).values(mail)
    },

    /** Owes the verification mail to an address if an unproven account stands behind it: one statement either way. */
    async oweVerification(mail: { id: string; projectId: string; email: string }): Promise<void> {
      await db.insert(outbox).select(
        db
          .select({
            id: sql`${mail.id}::uuid`.as('id'),
            projectId: users.projectId,
            userId: users.id,
            kind: sql`'verify_email'`.as('kind'),
            recipient: sql`null::text`.as('recipient'),
            details: sql`'{}'::jsonb`.as('details'),
            attempts: sql`0`.as('attempts'),
            createdAt: sql`now()`.as('created_at'),
            nextAttemptAt: sql`now()`.as('next_attempt_at'),
            sentAt: sql`null::timestamptz`.as('sent_at'),
            deadAt: sql`null::timestamptz`.as('dead_at'),
            lastError: sql`null::text`.as('last_error'),
          })
          .from(users)
          .where(
            and(
              eq(users.projectId, mail.projectId),
              eq(users.email, mail.email),
              isNull(users.emailVerifiedAt),
              isNull(users.disabledAt),
            ),
          ),
      )
    },

    /** Takes up to `limit` owed mails for `leaseSeconds`; several couriers never take the same one. */
    async take(limit: number, leaseSeconds: number): Promise<OutboxRow[]> {
      const due = db
        .select({ id: outbox.id })
        .from(outbox)
        .where(and(isNull(outbox.sentAt), isNull(outbox.deadAt), lte(outbox.nextAttemptAt, sql`now()`)))
        .orderBy(asc(outbox.nextAttemptAt))
        .limit(limit)
        .for('update', { skipLocked: true })
      return db
        .update(outbox)
        .set({
          attempts: sql`${outbox.attempts} + 1`,
          nextAttemptAt: sql`now() + make_interval(secs => ${leaseSeconds}::int)`,
        })
        .where(inArray(outbox.id, due))
        .returning()
    },

    async markSent(id: string): Promise<void> {
      await db.update(outbox).set({ sentAt: sql`now()`, lastError: null }).where(eq(outbox.id, id))
    },

    /** Puts the mail back for `delaySeconds`, or gives it up when `dead`. `reason` holds no part of the mail. */
    async markFailed(id: string, reason: string, delaySeconds: number, dead: boolean): Promise<void> {
      await db
        .update(outbox)
        .set({
          lastError: reason,
          nextAttemptAt: sql`now() + make_interval(secs => ${delaySeconds}::int)`,
          deadAt: dead ? sql`now()` : null,
        })
        .where(and(eq(outbox.id, id), isNull(outbox.sentAt)))
    },
  }
}
