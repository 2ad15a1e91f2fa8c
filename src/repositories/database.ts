// What queries run on: a pool or the one connection of a transaction, bound to one project or to none. Nothing outside
// this folder sees Drizzle.
import { QueryBuilder } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { auditEvents } from '../../drizzle/tables/audit-events.ts'
import type { Sql } from '../database/pool.ts'

/** A query builder that reaches the database. */
export type Queries = PostgresJsDatabase

/** Builds parts of queries; reaches nothing by itself. */
export const parts = new QueryBuilder()

export type AuditEventName = typeof auditEvents.$inferInsert.event

/** Where statements of no project run: projects, signing keys, jobs over all projects. */
export interface UnscopedDatabase {
  readonly sql: Sql
  readonly queries: Queries
}

/** Where the statements of one project run. Row-level security shows them the rows of this project alone. */
export interface Database extends UnscopedDatabase {
  readonly projectId: string
  /** Counts an audit event, once the transaction that wrote it is committed. */
  readonly recorded: (event: AuditEventName) => void
}

/** What Drizzle makes of `.prepare(name)`. */
interface Prepared<T> {
  execute(values?: Record<string, unknown>): Promise<T>
}

/** Where the prepared statement that is being executed runs. Drizzle sends it before `execute` returns. */
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
 * Defines a statement that is prepared on the server. It is built at its first use and once for the process: building
 * costs more than running.
 * @param build the query, ending in `.prepare(name)`; placeholders are named, `projectId` among them
 * @returns runs the statement on a database with the values of its placeholders; `projectId` is filled in
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

/** What a query builder prepares statements with. */
interface Session {
  prepareQuery(query: { sql: string }, fields: unknown, name: string | undefined, ...rest: unknown[]): unknown
}

/** Remembers the names of prepared statements: the driver is only told that they are prepared. */
function naming(queries: Queries): Queries {
  const { session } = queries._ as unknown as { session: Session }
  const prepare = session.prepareQuery.bind(session)
  session.prepareQuery = (query, fields, name, ...rest) => {
    if (name) names.set(query.sql, name)
    return prepare(query, fields, name, ...rest)
  }
  return queries
}

/** Names of prepared statements, by their text. */
const names = new Map<string, string>()

/**
 * The name of a statement for traces: the one it was prepared under, else its verb and first table.
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

/** The first row of an answer, or null. */
export async function first<T>(rows: Rows<T>): Promise<T | null> {
  return (await rows)[0] ?? null
}

/** The row of a statement that always returns one. */
export async function one<T>(rows: Rows<T>): Promise<T> {
  const [row] = await rows
  if (row === undefined) throw new Error('A statement returned no row.')
  return row
}

/** How many rows a statement returns. */
export async function rowCount(rows: Rows<unknown>): Promise<number> {
  return (await rows).length
}

/** Whether a statement returns a row. */
export async function hasRows(rows: Rows<unknown>): Promise<boolean> {
  return (await rows).length > 0
}
