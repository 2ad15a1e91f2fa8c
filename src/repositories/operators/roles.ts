// Rows of `operator_roles`; the database is bound to the project of the operators.
import { and, asc, eq, isNull, ne, type SQL, sql } from 'drizzle-orm'
import { operatorRoles } from '../../../drizzle/tables/operators.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { type UserRow, userColumns, userOf } from '../accounts/users.ts'
import { ofUser, own, pick } from '../conditions.ts'
import { type Database, hasRows, one } from '../database.ts'

export type OperatorRoleRow = Pick<
  typeof operatorRoles.$inferSelect,
  'id' | 'userId' | 'scope' | 'role' | 'createdAt'
>

const columns = pick(operatorRoles, 'id', 'userId', 'scope', 'role', 'createdAt')

/** The condition for a role's scope: one project, or null for every project. */
const forScope = (scope: string | null): SQL | undefined =>
  scope === null ? isNull(operatorRoles.scope) : eq(operatorRoles.scope, scope)

const isInstallationOwner = (db: Database) =>
  and(own(operatorRoles, db), eq(operatorRoles.role, 'owner'), isNull(operatorRoles.scope))

/** Lists the roles of an account, the oldest first. */
export async function listRolesOf(db: Database, userId: number): Promise<OperatorRoleRow[]> {
  return db.queries
    .select(columns)
    .from(operatorRoles)
    .where(ofUser(operatorRoles, db, userId))
    .orderBy(asc(operatorRoles.createdAt), asc(operatorRoles.id))
}

/** Lists every role with its account, the oldest account first. */
export async function listRoles(db: Database): Promise<{ role: OperatorRoleRow; user: UserRow }[]> {
  return db.queries
    .select({ role: columns, user: userColumns })
    .from(operatorRoles)
    .innerJoin(users, userOf(operatorRoles))
    .where(own(operatorRoles, db))
    .orderBy(asc(users.id), asc(operatorRoles.createdAt), asc(operatorRoles.id))
}

/** Gives an account a role for a project (null: for every project); it replaces the account's former role for that project. */
export async function putRole(
  db: Database,
  row: Pick<typeof operatorRoles.$inferInsert, 'id' | 'userId' | 'role'> & { readonly scope: string | null },
): Promise<OperatorRoleRow> {
  const { role, scope, userId } = row
  const thisRole = and(ofUser(operatorRoles, db, userId), forScope(scope))
  const [changed] = await db.queries.update(operatorRoles).set({ role }).where(thisRole).returning(columns)
  if (changed) return changed
  const values = { ...row, projectId: db.projectId }
  return one(db.queries.insert(operatorRoles).values(values).returning(columns))
}

/** Deletes an account's role for a project (null: for every project). @returns false: it has none */
export function deleteRole(db: Database, userId: number, scope: string | null): Promise<boolean> {
  const thisRole = and(ofUser(operatorRoles, db, userId), forScope(scope))
  return hasRows(db.queries.delete(operatorRoles).where(thisRole).returning({ id: operatorRoles.id }))
}

/** Whether any account is an operator. */
export function hasOperators(db: Database): Promise<boolean> {
  const { id } = operatorRoles
  return hasRows(db.queries.select({ id }).from(operatorRoles).where(own(operatorRoles, db)).limit(1))
}

/** Advisory lock of the operators and their roles; an arbitrary number. */
const operatorsLock = 7_255_979_171

/**
 * Locks the operators and their roles until the transaction ends: of two transactions that would each remove one of the last
 * two owners, the second waits.
 */
export async function lockOperators(db: Database): Promise<void> {
  await db.queries.execute(sql`select pg_advisory_xact_lock(${operatorsLock}::bigint)`)
}

/** Locks the operators and their roles against changes until the transaction ends; several transactions may hold it. */
export async function lockOperatorsShared(db: Database): Promise<void> {
  await db.queries.execute(sql`select pg_advisory_xact_lock_shared(${operatorsLock}::bigint)`)
}

/** Whether an account is an owner of the installation. */
export function isOwner(db: Database, userId: number): Promise<boolean> {
  const where = and(isInstallationOwner(db), eq(operatorRoles.userId, userId))
  return hasRows(db.queries.select({ id: operatorRoles.id }).from(operatorRoles).where(where))
}

/** Whether another account is an owner of the installation and can sign in. */
export function hasOtherOwner(db: Database, userId: number): Promise<boolean> {
  const where = and(
    isInstallationOwner(db),
    ne(operatorRoles.userId, userId),
    isNull(users.disabledAt),
    isNull(users.deletionDueAt),
  )
  return hasRows(
    db.queries
      .select({ id: operatorRoles.id })
      .from(operatorRoles)
      .innerJoin(users, userOf(operatorRoles))
      .where(where)
      .limit(1),
  )
}
