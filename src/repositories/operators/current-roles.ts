// What an operator may do at this moment, read where every project is seen: inside a transaction of another project.
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { operatorKeys, operatorRoles } from '../../../drizzle/tables/operators.ts'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { now } from '../conditions.ts'
import type { UnscopedDatabase } from '../database.ts'
import { alive } from '../sessions/sessions.ts'

/** A role that is held now. */
export interface Standing extends Pick<typeof operatorRoles.$inferSelect, 'role' | 'scope'> {
  /** Whole seconds until it ends by itself; null: it does not. */
  readonly secondsLeft: number | null
}

/** The roles of the operator of a session; none where the session or the account has ended. */
export async function standingOfSession(db: UnscopedDatabase, sessionId: string): Promise<Standing[]> {
  const { role, scope } = operatorRoles
  return db.queries
    .select({ role, scope, secondsLeft: sql<null>`null` })
    .from(operatorRoles)
    .innerJoin(users, userOf(operatorRoles))
    .innerJoin(sessions, and(eq(sessions.projectId, users.projectId), eq(sessions.userId, users.id)))
    .where(and(eq(sessions.id, sessionId), alive))
}

/** The role of an operator key; none where it has ended. */
export async function standingOfKey(db: UnscopedDatabase, id: string): Promise<Standing[]> {
  const { role, scope, expiresAt, revokedAt } = operatorKeys
  const secondsLeft = sql<number>`floor(extract(epoch from ${expiresAt} - now()))::float8`
  return db.queries
    .select({ role, scope, secondsLeft })
    .from(operatorKeys)
    .where(and(eq(operatorKeys.id, id), isNull(revokedAt), gt(expiresAt, now)))
}
