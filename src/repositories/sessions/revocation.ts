// Revocation of sessions. A revoked session stays revoked and keeps its reason.
import { and, eq, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { now, ofUser } from '../conditions.ts'
import { type Database, hasRows } from '../database.ts'
import { alive, thisSession } from './sessions.ts'

/** Revokes a session. @returns false: it was revoked before */
export function revokeSession(db: Database, id: string, reason: 'logout' | 'reuse'): Promise<boolean> {
  const change = { revokedAt: now, revokedReason: reason }
  const unrevoked = and(thisSession(db, id), isNull(sessions.revokedAt))
  return hasRows(db.queries.update(sessions).set(change).where(unrevoked).returning({ id: sessions.id }))
}

/** Revokes an active session of a user. @returns false: it was not active */
export async function revokeOwnSession(db: Database, userId: number, id: string): Promise<boolean> {
  return (await revokeWhere(db, userId, eq(sessions.id, id))).length > 0
}

/** Revokes all active sessions of a user except one. @returns how many */
export async function revokeOtherSessions(db: Database, userId: number, keptId: string): Promise<number> {
  return (await revokeWhere(db, userId, ne(sessions.id, keptId))).length
}

/** Revokes the given sessions, if they are active and belong to the user. @returns the ids of those revoked */
export function revokeSessionsAmong(db: Database, userId: number, ids: readonly string[]): Promise<string[]> {
  const among = sql`${sessions.id} in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))`
  return revokeWhere(db, userId, among)
}

async function revokeWhere(db: Database, userId: number, which: SQL): Promise<string[]> {
  const rows = await db.queries
    .update(sessions)
    .set({ revokedAt: now, revokedReason: 'owner' })
    .from(users)
    .where(and(ofUser(sessions, db, userId), which, alive))
    .returning({ id: sessions.id })
  return rows.map(({ id }) => id)
}
