// Queued and dead mails, as operators list them and send them again: of one project, or of all.
import { and, asc, count, eq, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { now, own, pick } from '../conditions.ts'
import { type Database, first, hasRows, one, rowCount, type UnscopedDatabase } from '../database.ts'
import { isDue, isOwed } from './mail-queue.ts'

/** A mail as an operator sees it. */
export type ListedMail = Awaited<ReturnType<typeof listMails>>['mails'][number]

const isDead = and(isNull(outbox.sentAt), isNotNull(outbox.deadAt))
/** Under no lease: given up, due, or its last attempt has ended with an error. */
const isIdle = or(isNotNull(outbox.deadAt), isNotNull(outbox.lastError), isDue)

/** Mails in one of two states, of which `owed` is queued and `dead` given up. */
export type MailState = 'owed' | 'dead'

async function list(db: UnscopedDatabase, which: SQL | undefined, state: MailState, limit: number) {
  const where = and(which, state === 'dead' ? isDead : isOwed)
  const mails = await db.queries
    .select({
      ...pick(outbox, 'id', 'projectId', 'kind', 'attempts'),
      ...pick(outbox, 'createdAt', 'nextAttemptAt', 'deadAt', 'lastError'),
      /** The address that it goes to; null: the account is gone. */
      to: sql<string | null>`coalesce(${outbox.recipient}, ${users.email})`,
    })
    .from(outbox)
    .leftJoin(users, eq(users.id, outbox.userId))
    .where(where)
    .orderBy(asc(outbox.createdAt), asc(outbox.id))
    .limit(limit)
  return { mails, total: await db.queries.$count(outbox, where) }
}

/** Lists mails of all projects, the oldest first, at most `limit`. @returns them, and how many there are in total */
export async function listMails(db: UnscopedDatabase, state: MailState, limit: number) {
  return list(db, undefined, state, limit)
}

/** As `listMails`, for one project. */
export async function listProjectMails(db: Database, state: MailState, limit: number) {
  return list(db, own(outbox, db), state, limit)
}

/** Counts queued and dead mails. @returns also the age of the oldest queued one in seconds; 0 if there is none */
export function countMails(
  db: UnscopedDatabase,
): Promise<{ owed: number; dead: number; oldestSeconds: number }> {
  const oldestSeconds = sql<number>`coalesce(extract(epoch from now() - min(${outbox.createdAt})), 0)::float8`
  const dead = sql<number>`(select count(*)::int from ${outbox} where ${isDead})`
  return one(db.queries.select({ owed: count(), oldestSeconds, dead }).from(outbox).where(isOwed))
}

function makeDue(db: UnscopedDatabase, which: SQL | undefined) {
  const change = { deadAt: null, attempts: 0, nextAttemptAt: now }
  const where = and(isNull(outbox.sentAt), which)
  return db.queries.update(outbox).set(change).where(where).returning({ id: outbox.id })
}

/** Makes a mail of a project due now, with all its attempts. @returns false: it is unknown, sent, or being sent */
export function retryProjectMail(db: Database, id: string): Promise<boolean> {
  return hasRows(makeDue(db, and(own(outbox, db), eq(outbox.id, id), isIdle)))
}

/** As `retryProjectMail`, in any project. @returns `due`, or why the mail cannot be sent again */
export async function retryMail(
  db: UnscopedDatabase,
  id: string,
): Promise<'due' | 'unknown' | 'sent' | 'under_way'> {
  const thisMail = eq(outbox.id, id)
  if (await hasRows(makeDue(db, and(thisMail, isIdle)))) return 'due'
  const row = await first(db.queries.select({ sentAt: outbox.sentAt }).from(outbox).where(thisMail))
  if (!row) return 'unknown'
  return row.sentAt ? 'sent' : 'under_way'
}

/** Makes every dead mail due now. @returns how many */
export function retryDeadMails(db: UnscopedDatabase): Promise<number> {
  return rowCount(makeDue(db, isNotNull(outbox.deadAt)))
}
