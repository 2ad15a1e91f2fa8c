// Sessions in which an operator acts as a user.
import { and, desc, eq, gt, isNotNull, isNull, sql } from 'drizzle-orm'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { now, own, pick, secondsFromNow } from '../conditions.ts'
import { type Database, first, one, rowCount, type UnscopedDatabase } from '../database.ts'
import { isLive, type SessionState, sessionState } from './sessions.ts'

/** An active impersonation, as operators see it. */
export type ImpersonationRow = Awaited<ReturnType<typeof listImpersonations>>[number]

/**
 * Inserts a session in which an operator acts as a user. It cannot be refreshed and has no device, so the account's known devices
 * stay as they are. For an account that is locked by `lockUser`.
 */
export function insertImpersonation(
  db: Database,
  session: {
    readonly id: string
    readonly userId: number
    readonly epoch: number
    readonly impersonator: string
    readonly lifetimeSeconds: number
  },
): Promise<SessionState> {
  const { lifetimeSeconds, ...row } = session
  const end = secondsFromNow(lifetimeSeconds)
  return one(
    db.queries
      .insert(sessions)
      .values({ ...row, projectId: db.projectId, expiresAt: end, absoluteExpiresAt: end })
      .returning(sessionState),
  )
}

/** Lists the active impersonations of the project, the newest first. */
export async function listImpersonations(db: Database) {
  return db.queries
    .select({
      ...pick(sessions, 'id', 'impersonator', 'createdAt', 'expiresAt'),
      user: users.uuid,
      email: users.email,
    })
    .from(sessions)
    .innerJoin(users, userOf(sessions))
    .where(and(own(sessions, db), isNotNull(sessions.impersonator), isLive, eq(users.epoch, sessions.epoch)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .limit(200)
}

/** Ends one impersonation. @returns the user's UUID; null: the impersonation is unknown or not active */
export function endImpersonation(db: Database, id: string): Promise<{ readonly user: string } | null> {
  const user = sql<string>`(select ${users.uuid} from ${users} where ${userOf(sessions)})`
  return first(
    db.queries
      .update(sessions)
      .set({ revokedAt: now, revokedReason: 'operator' })
      .where(and(own(sessions, db), eq(sessions.id, id), isNotNull(sessions.impersonator), isLive))
      .returning({ user }),
  )
}

/** Ends every impersonation by an operator, in every project. @returns how many */
export function endImpersonationsBy(db: UnscopedDatabase, impersonator: string): Promise<number> {
  const living = and(
    eq(sessions.impersonator, impersonator),
    isNull(sessions.revokedAt),
    gt(sessions.expiresAt, now),
  )
  return rowCount(
    db.queries
      .update(sessions)
      .set({ revokedAt: now, revokedReason: 'operator' })
      .where(living)
      .returning({ id: sessions.id }),
  )
}
