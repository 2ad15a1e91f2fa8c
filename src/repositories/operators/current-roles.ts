// The roles that an operator holds at this moment. Read without row-level security, because the caller's transaction belongs to
// another project than that of the operators.
import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { operatorKeys, operatorRoles } from '../../../drizzle/tables/operators.ts'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userOf } from '../accounts/users.ts'
import { now } from '../conditions.ts'
import type { UnscopedDatabase } from '../database.ts'
import { alive } from '../sessions/sessions.ts'

/** A role that an operator holds now. */
export interface CurrentRole extends Pick<typeof operatorRoles.$inferSelect, 'role' | 'scope'> {
  /** Whole seconds until the role expires; null: it does not. */
  readonly secondsLeft: number | null
}

/** Lists the roles of the operator of a session; none if the session or the account has ended. */
export async function currentRolesOfSession(db: UnscopedDatabase, sessionId: string): Promise<CurrentRole[]> {
  const { role, scope } = operatorRoles
  return db.queries
    .select({ role, scope, secondsLeft: sql<null>`null` })
    .from(operatorRoles)
    .innerJoin(users, userOf(operatorRoles))
    .innerJoin(sessions, and(eq(sessions.projectId, users.projectId), eq(sessions.userId, users.id)))
    .where(and(eq(sessions.id, sessionId), alive))
}

/** Lists the role of an operator key; none if the key is revoked or has expired. */
export async function currentRolesOfKey(db: UnscopedDatabase, id: string): Promise<CurrentRole[]> {
  const { role, scope, expiresAt, revokedAt } = operatorKeys
  const secondsLeft = sql<number>`floor(extract(epoch from ${expiresAt} - now()))::float8`
  return db.queries
    .select({ role, scope, secondsLeft })
    .from(operatorKeys)
    .where(and(eq(operatorKeys.id, id), isNull(revokedAt), gt(expiresAt, now)))
}
