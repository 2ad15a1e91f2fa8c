// Rows of `email_sign_ins`: created by a request, with a limited number of attempts, and used once.
import { and, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import { emailSignIns as table } from '../../../drizzle/tables/email-sign-ins.ts'
import { now, own, pick, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows } from '../database.ts'

type Row = typeof table.$inferSelect
export type FoundEmailSignIn = Pick<Row, 'id' | 'email' | 'redirectTo'>

const open = and(isNull(table.usedAt), gt(table.expiresAt, now))
const id = { id: table.id }
const thisOne = (db: Database, rowId: string) => and(own(table, db), eq(table.id, rowId))

export async function insertEmailSignIn(
  db: Database,
  {
    lifetimeSeconds,
    ...row
  }: Pick<Row, 'id' | 'email' | 'redirectTo' | 'tokenHash' | 'codeHash'> & {
    readonly lifetimeSeconds: number
  },
): Promise<void> {
  const expiresAt = secondsFromNow(lifetimeSeconds)
  await db.queries.insert(table).values({ ...row, projectId: db.projectId, expiresAt })
}

/** Restarts the lifetime of a sign-in whose mail is about to be sent. @returns false: it was used or ended */
export function renewEmailSignIn(db: Database, rowId: string, lifetimeSeconds: number): Promise<boolean> {
  const change = { expiresAt: secondsFromNow(lifetimeSeconds) }
  const where = and(thisOne(db, rowId), isNull(table.usedAt))
  return hasRows(db.queries.update(table).set(change).where(where).returning(id))
}

/** Finds the open sign-in with an id, or with the token of its mail. */
export function findEmailSignIn(
  db: Database,
  by: { readonly id: string } | { readonly tokenHash: Buffer },
): Promise<FoundEmailSignIn | null> {
  const which = 'id' in by ? eq(table.id, by.id) : eq(table.tokenHash, by.tokenHash)
  return first(
    db.queries
      .select(pick(table, 'id', 'email', 'redirectTo'))
      .from(table)
      .where(and(own(table, db), which, open)),
  )
}

/** Uses an open sign-in, once. @returns false: it is not open any more */
export function useEmailSignIn(db: Database, rowId: string): Promise<boolean> {
  const where = and(thisOne(db, rowId), open)
  return hasRows(db.queries.update(table).set({ usedAt: now }).where(where).returning(id))
}

/** Uses an open sign-in by its code, once. The same statement counts the attempt, whether or not the code is correct. */
export async function useEmailSignInByCode(
  db: Database,
  rowId: string,
  codeHash: Buffer,
  maxAttempts: number,
): Promise<boolean> {
  const usedAt = sql`case when ${eq(table.codeHash, codeHash)} then now() end`
  const change = { codeAttempts: sql`${table.codeAttempts} + 1`, usedAt }
  const where = and(thisOne(db, rowId), open, lt(table.codeAttempts, maxAttempts))
  const row = await first(
    db.queries.update(table).set(change).where(where).returning({ usedAt: table.usedAt }),
  )
  return Boolean(row?.usedAt)
}

/** Ends the sign-ins of an address, including those with a queued mail. @returns whether there were any */
export function endEmailSignIns(db: Database, email: string): Promise<boolean> {
  const where = and(own(table, db), eq(table.email, email), isNull(table.usedAt))
  return hasRows(db.queries.update(table).set({ usedAt: now }).where(where).returning(id))
}
