// The second factors that an account has enrolled, in its row of `users`, and their removal on request of an operator.
import { and, asc, isNotNull, lte, sql } from 'drizzle-orm'
import { users } from '../../../drizzle/tables/users.ts'
import { now, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows, type UnscopedDatabase } from '../database.ts'
import { nextEpoch, thisUser } from './users.ts'

/** A kind of second factor. */
export type SecondFactor = 'totp'

const without = (factor: SecondFactor) =>
  sql`array_remove(string_to_array(${users.secondFactors}, ' '), ${factor}::text)`

/** Lists the kinds that an account has enrolled. */
export const secondFactorsOf = ({ secondFactors }: { readonly secondFactors: string }): SecondFactor[] =>
  secondFactors === '' ? [] : (secondFactors.split(' ') as SecondFactor[])

/** Adds an enrolled kind, and ends every session by a new epoch. */
export async function addSecondFactor(db: Database, id: number, factor: SecondFactor): Promise<void> {
  const secondFactors = sql`array_to_string(array_append(${without(factor)}, ${factor}::text), ' ')`
  await db.queries.update(users).set({ secondFactors, epoch: nextEpoch }).where(thisUser(db, id))
}

/** Removes an enrolled kind. */
export async function removeSecondFactor(db: Database, id: number, factor: SecondFactor): Promise<void> {
  const secondFactors = sql`array_to_string(${without(factor)}, ' ')`
  await db.queries.update(users).set({ secondFactors }).where(thisUser(db, id))
}

/** Whether an account has a second factor. */
export function hasSecondFactor(db: Database, id: number): Promise<boolean> {
  const some = and(thisUser(db, id), sql`${users.secondFactors} <> ''`)
  return hasRows(db.queries.select({ id: users.id }).from(users).where(some))
}

/** Schedules the removal of the factors in `seconds`, unless it is scheduled already. @returns when it is due */
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

/** Cancels the removal. @returns false: none was scheduled */
export function cancelFactorsReset(db: Database, id: number): Promise<boolean> {
  const pending = and(thisUser(db, id), isNotNull(users.factorsResetDueAt))
  return hasRows(
    db.queries.update(users).set({ factorsResetDueAt: null }).where(pending).returning({ id: users.id }),
  )
}

/** Whether the removal is due now. For an account that is locked by `lockUser`. */
export function isFactorsResetDue(db: Database, id: number): Promise<boolean> {
  const due = and(thisUser(db, id), lte(users.factorsResetDueAt, now))
  return hasRows(db.queries.select({ id: users.id }).from(users).where(due))
}

/** Lists accounts of all projects whose removal of factors is due, the longest due first. */
export function listDueFactorsResets(db: UnscopedDatabase, limit: number) {
  return db.queries
    .select({ projectId: users.projectId, id: users.id })
    .from(users)
    .where(lte(users.factorsResetDueAt, now))
    .orderBy(asc(users.factorsResetDueAt))
    .limit(limit)
}
