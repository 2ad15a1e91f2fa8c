// Rows of `totp_factors`: proposed, enrolled by a first code; each time step is used once.
import { and, eq, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { totpFactors as table } from '../../../drizzle/tables/totp-factors.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { now, ofUser } from '../conditions.ts'
import { type Database, first, hasRows, type UnscopedDatabase } from '../database.ts'

const enrolled = isNotNull(table.confirmedAt)
const proposed = isNull(table.confirmedAt)

/** Inserts a proposed secret, or replaces a proposed one. @returns false: a secret is enrolled */
export function proposeTotp(db: Database, userId: number, sealedSecret: Buffer): Promise<boolean> {
  const { projectId } = db
  return hasRows(
    db.queries
      .insert(table)
      .values({ projectId, userId, sealedSecret })
      .onConflictDoUpdate({
        target: [table.projectId, table.userId],
        set: { sealedSecret, createdAt: now },
        setWhere: proposed,
      })
      .returning({ userId: table.userId }),
  )
}

/** Finds the secret of an account in a state, with the database's clock. */
export function findTotp(
  db: Database,
  userId: number,
  state: 'proposed' | 'enrolled',
): Promise<{ readonly sealedSecret: Buffer; readonly now: Date } | null> {
  const where = and(ofUser(table, db, userId), state === 'enrolled' ? enrolled : proposed)
  return first(db.queries.select({ sealedSecret: table.sealedSecret, now }).from(table).where(where))
}

/** Enrols a proposed secret with the step of its first code. @returns false: it was concurrently replaced or enrolled */
export function confirmTotp(
  db: Database,
  userId: number,
  sealedSecret: Buffer,
  step: number,
): Promise<boolean> {
  const where = and(ofUser(table, db, userId), proposed, eq(table.sealedSecret, sealedSecret))
  const change = { confirmedAt: now, lastStep: step }
  return hasRows(db.queries.update(table).set(change).where(where).returning({ userId: table.userId }))
}

/** Uses a time step, once. @returns false: it or a later one was used before */
export function useTotpStep(db: Database, userId: number, step: number): Promise<boolean> {
  const where = and(ofUser(table, db, userId), enrolled, lt(table.lastStep, step))
  return hasRows(
    db.queries.update(table).set({ lastStep: step }).where(where).returning({ userId: table.userId }),
  )
}

/**
 * Deletes the secret of an account, proposed or enrolled.
 * @param since an enrolled secret only if it was enrolled at this time or later; null: in any case
 * @returns whether there was one
 */
export function deleteTotp(db: Database, userId: number, since: Date | null = null): Promise<boolean> {
  const added = since
    ? or(proposed, sql`${table.confirmedAt} >= ${since.toISOString()}::timestamptz`)
    : undefined
  return hasRows(
    db.queries
      .delete(table)
      .where(and(ofUser(table, db, userId), added))
      .returning({ userId: table.userId }),
  )
}

/** Lists the secrets of all projects, with the account UUID to which their seal is bound. */
export function listSealedSecrets(db: UnscopedDatabase) {
  const { projectId, userId, sealedSecret } = table
  return db.queries
    .select({ projectId, userId, account: users.uuid, sealedSecret })
    .from(table)
    .innerJoin(users, userOf(table))
}

/** Replaces a sealed secret by the same secret under another key. @returns false: it changed since it was read */
export function replaceSeal(
  db: UnscopedDatabase,
  key: { readonly projectId: string; readonly userId: number },
  from: Buffer,
  to: Buffer,
): Promise<boolean> {
  const where = and(ofUser(table, key, key.userId), eq(table.sealedSecret, from))
  return hasRows(
    db.queries.update(table).set({ sealedSecret: to }).where(where).returning({ userId: table.userId }),
  )
}
