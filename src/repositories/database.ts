// The database handles on which queries run: a pool or the connection of a transaction, bound to one project or to none. Code outside
// of this folder does not use Drizzle.
import { QueryBuilder } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { auditEvents } from '../../drizzle/tables/audit-events.ts'
import type { Sql } from '../database/pool.ts'

/** A query builder that is connected to the database. */
export type Queries = PostgresJsDatabase

/** A query builder without a connection, for parts of queries. */
export const parts = new QueryBuilder()

export type AuditEventName = typeof auditEvents.$inferInsert.event

/** Runs statements that belong to no single project: on projects, on signing keys, and of jobs for all projects. */
export interface UnscopedDatabase {
  readonly sql: Sql
  readonly queries: Queries
}

/** Runs the statements of one project. Row-level security hides the rows of other projects. */
export interface Database extends UnscopedDatabase {
  readonly projectId: string
  /** Counts an audit event for metrics, after the transaction that wrote it has committed. */
  readonly recorded: (event: AuditEventName) => void
}

/** The result of Drizzle's `.prepare(name)`. */
interface Prepared<T> {
  execute(values?: Record<string, unknown>): Promise<T>
}

/** The connection for the statement that is being executed. Drizzle sends it before `execute` returns. */
let target: Sql | null = null

const statements = naming(
  drizzle({
    unsafe(...query: Parameters<Sql['unsafe']>) {
      if (!target) throw new Error('A prepared statement was executed without a database.')
      return target.unsafe(...query)
    },
    options: { parsers: {}, serializers: {} },
  } as unknown as Sql),
)

/**
 * Defines a statement that is prepared on the server. Its text is built once per process, at the first use, because building costs
 * more than running.
 * @param build makes the query and ends with `.prepare(name)`; the placeholder `projectId` stands for the project
 * @returns a function that runs the statement on a database with the values of the other placeholders
 */
export function prepared<T>(build: (query: Queries) => Prepared<T>) {
  let statement: Prepared<T> | undefined
  return (database: UnscopedDatabase & { readonly projectId?: string }, values: object = {}): Promise<T> => {
    statement ??= build(statements)
    target = database.sql
    try {
      return statement.execute({ ...values, projectId: database.projectId })
    } finally {
      target = null
    }
  }
}

/** The part of Drizzle that prepares statements. */
interface Session {
  prepareQuery(query: { sql: string }, fields: unknown, name: string | undefined, ...rest: unknown[]): unknown
}

/** Records the names of prepared statements, which the driver does not get. */
function naming(queries: Queries): Queries {
  const { session } = queries._ as unknown as { session: Session }
  const prepare = session.prepareQuery.bind(session)
  session.prepareQuery = (query, fields, name, ...rest) => {
    if (name) names.set(query.sql, name)
    return prepare(query, fields, name, ...rest)
  }
  return queries
}

/** The names of prepared statements by their text. */
const names = new Map<string, string>()

/**
 * Names a statement for traces: by the name under which it was prepared, else by its verb and first table.
 * @param text the statement without its values
 */
export function statementName(text: string): string {
  const known = names.get(text)
  if (known) return known
  const [, verb = 'statement'] = /^\s*(?:with\b.*?\)\s*)?(select|insert|update|delete)\b/is.exec(text) ?? []
  const [, table = ''] = /\b(?:from|into|update|join)\s+"?([a-z_]+)"?/i.exec(text) ?? []
  return `${verb.toLowerCase()} ${table}`.trimEnd()
}

type Rows<T> = PromiseLike<readonly T[]>

/** The first row of a result, or null. */
export async function first<T>(rows: Rows<T>): Promise<T | null> {
  return (await rows)[0] ?? null
}

/** The row of a statement that always returns one. */
export async function one<T>(rows: Rows<T>): Promise<T> {
  const [row] = await rows
  if (row === undefined) throw new Error('A statement returned no row.')
  return row
}

/** The number of rows that a statement returns. */
export async function rowCount(rows: Rows<unknown>): Promise<number> {
  return (await rows).length
}

/** Whether a statement returns a row. */
export async function hasRows(rows: Rows<unknown>): Promise<boolean> {
  return (await rows).length > 0
}
