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

/** A role for this project; null: for every project. */
const forScope = (scope: string | null): SQL | undefined =>
  scope === null ? isNull(operatorRoles.scope) : eq(operatorRoles.scope, scope)

const isOwnerOfAll = (db: Database) =>
  and(own(operatorRoles, db), eq(operatorRoles.role, 'owner'), isNull(operatorRoles.scope))

/** The roles of an account, that for every project first. */
export async function listRolesOf(db: Database, userId: number): Promise<OperatorRoleRow[]> {
  return db.queries
    .select(columns)
    .from(operatorRoles)
    .where(ofUser(operatorRoles, db, userId))
    .orderBy(asc(operatorRoles.createdAt), asc(operatorRoles.id))
}

/** Every role with its account, the oldest account first. */
export async function listRoles(db: Database): Promise<{ role: OperatorRoleRow; user: UserRow }[]> {
  return db.queries
    .select({ role: columns, user: userColumns })
    .from(operatorRoles)
    .innerJoin(users, userOf(operatorRoles))
    .where(own(operatorRoles, db))
    .orderBy(asc(users.id), asc(operatorRoles.createdAt), asc(operatorRoles.id))
}

/** Gives an account a role for a project (null: every one), in the place of another one for it. */
export async function putRole(
  db: Database,
  row: Pick<typeof operatorRoles.$inferInsert, 'id' | 'userId' | 'role'> & { readonly scope: string | null },
): Promise<OperatorRoleRow> {
  const { role, scope, userId } = row
  const here = and(ofUser(operatorRoles, db, userId), forScope(scope))
  const [changed] = await db.queries.update(operatorRoles).set({ role }).where(here).returning(columns)
  if (changed) return changed
  const values = { ...row, projectId: db.projectId }
  return one(db.queries.insert(operatorRoles).values(values).returning(columns))
}

/** Takes an account's role for a project (null: for every one); false where there is none. */
export function deleteRole(db: Database, userId: number, scope: string | null): Promise<boolean> {
  const here = and(ofUser(operatorRoles, db, userId), forScope(scope))
  return hasRows(db.queries.delete(operatorRoles).where(here).returning({ id: operatorRoles.id }))
}

/** Whether any account is an operator. */
export function hasOperators(db: Database): Promise<boolean> {
  const { id } = operatorRoles
  return hasRows(db.queries.select({ id }).from(operatorRoles).where(own(operatorRoles, db)).limit(1))
}

/** The advisory lock of whatever decides who is an owner: an arbitrary number. */
const operatorsLock = 7_255_979_171

/** Lets one transaction at a time decide who is an owner, until it ends: of two that would remove the last two, one waits. */
export async function lockOperators(db: Database): Promise<void> {
  await db.queries.execute(sql`select pg_advisory_xact_lock(${operatorsLock}::bigint)`)
}

/** Blocks transactions that decide about owners until this one ends; shared with others that only read. */
export async function holdOperators(db: Database): Promise<void> {
  await db.queries.execute(sql`select pg_advisory_xact_lock_shared(${operatorsLock}::bigint)`)
}

/** Whether an account is an owner of all. */
export function isOwner(db: Database, userId: number): Promise<boolean> {
  const where = and(isOwnerOfAll(db), eq(operatorRoles.userId, userId))
  return hasRows(db.queries.select({ id: operatorRoles.id }).from(operatorRoles).where(where))
}

/** Whether an account other than this one is an owner of all, and can sign in. */
export function hasOtherOwner(db: Database, userId: number): Promise<boolean> {
  const where = and(
    isOwnerOfAll(db),
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
