// What a query runs on: the pool, or the one connection of a transaction. Nothing outside this folder sees Drizzle.

import { QueryBuilder } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from '../database/pool.ts'
import type { ProjectSql } from '../database/statements.ts'

/** A query builder that reaches the database. */
export type Queries = PostgresJsDatabase

/** Parts of queries, which reach nothing by themselves. */
export const parts = new QueryBuilder()

/** What Drizzle makes of `.prepare(name)`. */
interface Prepared<T> {
  execute(values?: Record<string, unknown>): Promise<T>
}

/** What a repository of a project's rows runs on: there is no query that does not say whose it is. */
export interface Database {
  /** Queries that see the rows of this project alone. */
  of(projectId: string): Queries
  /** A statement that is built and prepared at its first use; the project is among its values. */
  prepared<T>(build: (query: Queries) => Prepared<T>): (values: Values) => Promise<T>
}

type Values = Record<string, unknown> & { readonly projectId: string }

/** Wraps our pool, or one connection of it, for queries that name their project. */
export function over(sql: ProjectSql): Database {
  // A statement is on its way before its `execute` returns, so the project is handed over in between and to nobody else.
  let handed: Sql | null = null
  const unsafe = (...query: Parameters<Sql['unsafe']>) => {
    if (!handed) throw new Error('A prepared statement was issued without its project.')
    return handed.unsafe(...query)
  }
  const query = naming(drizzle({ unsafe, options: sql.options } as unknown as Sql))
  let last: { projectId: string; queries: Queries } | null = null
  return {
    of(projectId) {
      if (last?.projectId !== projectId) last = { projectId, queries: drizzle(sql.of(projectId)) }
      return last.queries
    },
    prepared(build) {
      const statement = once(() => build(query))
      return (values) => {
        handed = sql.of(values.projectId)
        try {
          return statement().execute(values)
        } finally {
          handed = null
        }
      }
    },
  }
}

/** Wraps a pool, or one connection of it, for queries that belong to no project. */
export function everywhere(sql: Sql): Queries {
  return naming(drizzle(sql))
}

/** A query builder that remembers what its prepared statements are called: the driver is told only that they are some. */
function naming(db: Queries): Queries {
  const { session } = db._ as unknown as { session: Session }
  const prepare = session.prepareQuery.bind(session)
  session.prepareQuery = (query, fields, name, ...rest) => {
    if (name) names.set(query.sql, name)
    return prepare(query, fields, name, ...rest)
  }
  return db
}

/** What a query builder prepares statements with. */
interface Session {
  prepareQuery(query: { sql: string }, fields: unknown, name: string | undefined, ...rest: unknown[]): unknown
}

/** Names of prepared statements, by their text. */
const names = new Map<string, string>()

/** What a statement is called: the name it was prepared under, else its verb and first table. Holds no value of it. */
export function statementName(text: string): string {
  const known = names.get(text)
  if (known) return known
  const [, verb = 'statement'] = /^\s*(?:with\b.*?\)\s*)?(select|insert|update|delete)\b/is.exec(text) ?? []
  const [, table = ''] = /\b(?:from|into|update|join)\s+"?([a-z_]+)"?/i.exec(text) ?? []
  return `${verb.toLowerCase()} ${table}`.trimEnd()
}

/**
 * Builds a statement at its first use and keeps it.
 *
 * Building costs more than running: a repository is bound once to the pool and once to each connection that a
 * transaction is given, and none of them should pay for a statement that it does not run.
 */
export function once<T>(build: () => T): () => T {
  let built: T | undefined
  return () => {
    built ??= build()
    return built
  }
}

/** The first row of an answer, or null. */
export function first<T>(rows: readonly T[]): T | null {
  return rows[0] ?? null
}
