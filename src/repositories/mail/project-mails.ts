// The queued mails of one project.
import { and, asc, eq, isNotNull, isNull, lte, or, sql } from 'drizzle-orm'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { now, own, pick } from '../conditions.ts'
import { type Database, hasRows } from '../database.ts'

export type ProjectMail = Awaited<ReturnType<typeof listProjectMails>>['mails'][number]

const isOwed = and(isNull(outbox.sentAt), isNull(outbox.deadAt))
const isDead = and(isNull(outbox.sentAt), isNotNull(outbox.deadAt))

/** Mails that wait, or were given up, the oldest first; and how many there are in all. */
export async function listProjectMails(db: Database, state: 'owed' | 'dead', limit: number) {
  const where = and(own(outbox, db), state === 'dead' ? isDead : isOwed)
  const mails = await db.queries
    .select({
      ...pick(outbox, 'id', 'kind', 'attempts', 'createdAt', 'nextAttemptAt', 'deadAt', 'lastError'),
      to: sql<string | null>`coalesce(${outbox.recipient}, ${users.email})`,
    })
    .from(outbox)
    .leftJoin(users, eq(users.id, outbox.userId))
    .where(where)
    .orderBy(asc(outbox.createdAt), asc(outbox.id))
    .limit(limit)
  return { mails, total: await db.queries.$count(outbox, where) }
}

/** Makes a mail due now; false where there is none, it was sent, or a job is sending it. */
export function retryProjectMail(db: Database, id: string): Promise<boolean> {
  // Under lease: an attempt has begun and has not ended.
  const isIdle = or(isNotNull(outbox.deadAt), isNotNull(outbox.lastError), lte(outbox.nextAttemptAt, now))
  const where = and(own(outbox, db), eq(outbox.id, id), isNull(outbox.sentAt), isIdle)
  const change = { deadAt: null, attempts: 0, nextAttemptAt: now }
  return hasRows(db.queries.update(outbox).set(change).where(where).returning({ id: outbox.id }))
}
