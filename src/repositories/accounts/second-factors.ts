// The kinds of second factors that an account has enrolled, in its row, and an operator's request to remove them.
import { and, asc, isNotNull, lte, sql } from 'drizzle-orm'
import { users } from '../../../drizzle/tables/users.ts'
import { now, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows, type UnscopedDatabase } from '../database.ts'
import { nextEpoch, thisUser } from './users.ts'

/** A kind of second factor that is enrolled; one more is one more name here. */
export type SecondFactor = 'totp'

const without = (factor: SecondFactor) =>
  sql`array_remove(string_to_array(${users.secondFactors}, ' '), ${factor}::text)`

/** The kinds that an account has enrolled. */
export const secondFactorsOf = ({ secondFactors }: { readonly secondFactors: string }): SecondFactor[] =>
  secondFactors === '' ? [] : (secondFactors.split(' ') as SecondFactor[])

/** Notes a kind as enrolled, and ends every session by a new epoch. */
export async function addSecondFactor(db: Database, id: number, factor: SecondFactor): Promise<void> {
  const secondFactors = sql`array_to_string(array_append(${without(factor)}, ${factor}::text), ' ')`
  await db.queries.update(users).set({ secondFactors, epoch: nextEpoch }).where(thisUser(db, id))
}

/** Notes a kind as removed. */
export async function removeSecondFactor(db: Database, id: number, factor: SecondFactor): Promise<void> {
  const secondFactors = sql`array_to_string(${without(factor)}, ' ')`
  await db.queries.update(users).set({ secondFactors }).where(thisUser(db, id))
}

/** Whether an account has a second factor as it is now. */
export function hasSecondFactor(db: Database, id: number): Promise<boolean> {
  const some = and(thisUser(db, id), sql`${users.secondFactors} <> ''`)
  return hasRows(db.queries.select({ id: users.id }).from(users).where(some))
}

/** Lets the removal of the factors be due in `seconds`, unless it is due already at some time. @returns when it is due */
export async function scheduleFactorsReset(db: Database, id: number, seconds: number): Promise<Date | null> {
  const factorsResetDueAt = sql`coalesce(${users.factorsResetDueAt}, ${secondsFromNow(seconds)})`
  const row = await first(
    db.queries
      .update(users)
      .set({ factorsResetDueAt })
      .where(thisUser(db, id))
      .returning({ at: users.factorsResetDueAt }),
  )
  return row?.at ?? null
}

/** Takes the removal back; false where none was asked for. */
export function cancelFactorsReset(db: Database, id: number): Promise<boolean> {
  const pending = and(thisUser(db, id), isNotNull(users.factorsResetDueAt))
  return hasRows(
    db.queries.update(users).set({ factorsResetDueAt: null }).where(pending).returning({ id: users.id }),
  )
}

/** Whether the removal is due now, for an account under lock. */
export function isFactorsResetDue(db: Database, id: number): Promise<boolean> {
  const due = and(thisUser(db, id), lte(users.factorsResetDueAt, now))
  return hasRows(db.queries.select({ id: users.id }).from(users).where(due))
}

/** Accounts of every project whose factors are to be removed by now, the longest due first. */
export function listDueFactorsResets(db: UnscopedDatabase, limit: number) {
  return db.queries
    .select({ projectId: users.projectId, id: users.id })
    .from(users)
    .where(lte(users.factorsResetDueAt, now))
    .orderBy(asc(users.factorsResetDueAt))
    .limit(limit)
}
