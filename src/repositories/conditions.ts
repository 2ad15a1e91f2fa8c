// The parts that most statements share: whose rows they concern, the clock, parameters, columns.
import { and, eq, type Placeholder, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { users } from '../../drizzle/tables/users.ts'

/** A parameter of a prepared statement. */
export const parameter = sql.placeholder

/** Parameters of a prepared statement, each for the column of its name. */
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

/** The project of a prepared statement, in the place of a database. */
export const parameters: Scope = parametersOf('projectId')

/** A table whose rows belong to users. */
export interface UserTable {
  readonly projectId: PgColumn
  readonly userId: PgColumn
}

/** The rows of the project. */
export const own = (table: Pick<UserTable, 'projectId'>, { projectId }: Scope) =>
  eq(table.projectId, projectId)

/** The rows of one user. */
export const ofUser = (table: UserTable, scope: Scope, userId: Given<number>) =>
  and(own(table, scope), eq(table.userId, userId))

/** The database's clock. */
export const now = sql<Date>`now()`.mapWith(users.createdAt)

/** The database's clock as it is read beside stored instants: rounded to milliseconds as they are, so that both agree on the second. */
export const nowAsStored = sql<Date>`now()::timestamptz(3)`.mapWith(users.createdAt)

export const secondsFromNow = (seconds: Given<number>) => sql`now() + make_interval(secs => ${seconds}::int)`

/** The named columns of a table, to be selected. */
export function pick<T extends PgTable, K extends keyof T['_']['columns'] & keyof T>(
  table: T,
  ...names: readonly K[]
): Pick<T['_']['columns'], K> {
  return Object.fromEntries(names.map((name) => [name, table[name]])) as unknown as Pick<T['_']['columns'], K>
}
