// What a query runs on: the pool, or the one connection of a transaction. Nothing outside this folder sees Drizzle.
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'

export type Database = PostgresJsDatabase

/** Wraps a postgres.js pool for the repositories. */
export function overPool(sql: Sql): Database {
  return drizzle(sql)
}

/**
 * Builds a statement at its first use and keeps it.
 *
 * Building costs more than running: the pool's repositories are bound once, a transaction's for each transaction,
 * and neither should pay for a statement that it does not run.
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
