// What a query runs on: the pool, or the one connection of a transaction. Nothing outside this folder sees Drizzle.
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'

export type Database = PostgresJsDatabase

/** Wraps a postgres.js pool, or one connection of it, for the repositories. */
export function over(sql: Sql): Database {
  return drizzle(sql)
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
