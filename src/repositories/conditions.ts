// Parts that most statements share: conditions on project and user, the clock, parameters, columns.
import { and, eq, type Placeholder, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { users } from '../../drizzle/tables/users.ts'

/** A parameter of a prepared statement. */
export const parameter = sql.placeholder

/** Parameters of a prepared statement, by their names, to be inserted into the columns of these names. */
export function parametersOf<Name extends string>(...names: readonly Name[]): Record<Name, Placeholder> {
  return Object.fromEntries(names.map((name) => [name, parameter(name)])) as unknown as Record<
    Name,
    Placeholder
  >
}

/** A value, or its parameter in a prepared statement. */
export type Given<T> = T | Placeholder

/** A project by its id. */
export interface Scope {
  readonly projectId: Given<string>
}

/** The project of a prepared statement, for functions that take a database or scope. */
export const parameters: Scope = parametersOf('projectId')

/** A table whose rows belong to users. */
export interface UserTable {
  readonly projectId: PgColumn
  readonly userId: PgColumn
}

/** The condition for rows of the project. */
export const own = (table: Pick<UserTable, 'projectId'>, { projectId }: Scope) =>
  eq(table.projectId, projectId)

/** The condition for rows of one user. */
export const ofUser = (table: UserTable, scope: Scope, userId: Given<number>) =>
  and(own(table, scope), eq(table.userId, userId))

/** The database's clock. */
export const now = sql<Date>`now()`.mapWith(users.createdAt)

/** The database's clock, rounded to milliseconds like stored instants, so that comparisons with them agree. */
export const nowAsStored = sql<Date>`now()::timestamptz(3)`.mapWith(users.createdAt)

export const secondsFromNow = (seconds: Given<number>) => sql`now() + make_interval(secs => ${seconds}::int)`

/** Picks columns of a table for a select. */
export function pick<T extends PgTable, K extends keyof T['_']['columns'] & keyof T>(
  table: T,
  ...names: readonly K[]
): Pick<T['_']['columns'], K> {
  return Object.fromEntries(names.map((name) => [name, table[name]])) as unknown as Pick<T['_']['columns'], K>
}
