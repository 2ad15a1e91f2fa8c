// Rows of `totp_factors`: proposed, enrolled by a first code, and each step used once.
import { and, eq, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { totpFactors as table } from '../../../drizzle/tables/totp-factors.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { now, ofUser } from '../conditions.ts'
import { type Database, first, hasRows, type UnscopedDatabase } from '../database.ts'

const enrolled = isNotNull(table.confirmedAt)
const proposed = isNull(table.confirmedAt)

/** Proposes a secret in the place of an earlier proposal; false where one is enrolled. */
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

/** The secret of an account with the database's clock; null where there is none in that state. */
export function findTotp(
  db: Database,
  userId: number,
  state: 'proposed' | 'enrolled',
): Promise<{ readonly sealedSecret: Buffer; readonly now: Date } | null> {
  const where = and(ofUser(table, db, userId), state === 'enrolled' ? enrolled : proposed)
  return first(db.queries.select({ sealedSecret: table.sealedSecret, now }).from(table).where(where))
}

/** Enrols a proposed secret by the step of its first code; false where it was replaced or enrolled meanwhile. */
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

/** Uses a step, once: false where it, or a later one, was used before. */
export function useTotpStep(db: Database, userId: number, step: number): Promise<boolean> {
  const where = and(ofUser(table, db, userId), enrolled, lt(table.lastStep, step))
  return hasRows(
    db.queries.update(table).set({ lastStep: step }).where(where).returning({ userId: table.userId }),
  )
}

/**
 * Removes the secret of an account, proposed or enrolled.
 * @param since only if it was enrolled then or later, or is only proposed; null: in any case
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

/** Every secret of every project, with what its seal is bound to. */
export function listSealedSecrets(db: UnscopedDatabase) {
  const { projectId, userId, sealedSecret } = table
  return db.queries
    .select({ projectId, userId, account: users.uuid, sealedSecret })
    .from(table)
    .innerJoin(users, userOf(table))
}

/** Replaces the seal of a secret that is still the one that was read. */
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
