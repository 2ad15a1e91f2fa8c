// Rows of `second_factor_challenges`: created after a correct first factor, with a limited number of attempts, and used once.
import { and, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import { secondFactorChallenges as table } from '../../../drizzle/tables/second-factor-challenges.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isUndeleted, userColumns, userOf } from '../accounts/users.ts'
import { now, ofUser, own, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows } from '../database.ts'

type Row = typeof table.$inferSelect
export type FoundChallenge = NonNullable<Awaited<ReturnType<typeof findChallenge>>>

const open = (maxAttempts: number) =>
  and(isNull(table.usedAt), gt(table.expiresAt, now), lt(table.attempts, maxAttempts))
const thisOne = (db: Database, id: string) => and(own(table, db), eq(table.id, id))

export async function insertChallenge(
  db: Database,
  {
    lifetimeSeconds,
    ...challenge
  }: Pick<Row, 'id' | 'userId' | 'epoch' | 'client' | 'tokenHash' | 'amr' | 'byMail'> & {
    readonly lifetimeSeconds: number
  },
): Promise<void> {
  const expiresAt = secondsFromNow(lifetimeSeconds)
  await db.queries.insert(table).values({ ...challenge, projectId: db.projectId, expiresAt })
}

/** Finds an open challenge of a client, and its account; null: there is none, or the account's sessions were ended since. */
export function findChallenge(db: Database, tokenHash: Buffer, client: Row['client'], maxAttempts: number) {
  const challenge = { id: table.id, amr: table.amr, byMail: table.byMail }
  return first(
    db.queries
      .select({ challenge, user: userColumns })
      .from(table)
      .innerJoin(
        users,
        and(userOf(table), eq(users.epoch, table.epoch), isNull(users.disabledAt), isUndeleted),
      )
      .where(
        and(own(table, db), eq(table.tokenHash, tokenHash), eq(table.client, client), open(maxAttempts)),
      ),
  )
}

/** Counts an attempt before its code is checked. @returns false: the challenge has ended */
export function countChallengeTry(db: Database, id: string, maxAttempts: number): Promise<boolean> {
  const change = { attempts: sql`${table.attempts} + 1` }
  const where = and(thisOne(db, id), open(maxAttempts))
  return hasRows(db.queries.update(table).set(change).where(where).returning({ id: table.id }))
}

/** Uses a challenge, once. Its attempt has been counted already, so the limit is one higher here. */
export function useChallenge(db: Database, id: string, maxAttempts: number): Promise<boolean> {
  const where = and(thisOne(db, id), open(maxAttempts + 1))
  return hasRows(db.queries.update(table).set({ usedAt: now }).where(where).returning({ id: table.id }))
}

/** Deletes a challenge, if it exists. */
export async function voidChallenge(db: Database, id: string): Promise<void> {
  await db.queries.delete(table).where(thisOne(db, id))
}

/** Deletes the challenges of an account. @returns whether there were any */
export function deleteChallenges(db: Database, userId: number): Promise<boolean> {
  return hasRows(
    db.queries
      .delete(table)
      .where(ofUser(table, db, userId))
      .returning({ id: table.id }),
  )
}
