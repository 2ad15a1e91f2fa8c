// The pool of connections to PostgreSQL.
import postgres, { type Sql } from 'postgres'

export interface PoolOptions {
  readonly connections?: number
  /** How the connections name themselves in pg_stat_activity. */
  readonly name?: string
}

/**
 * Opens a pool; it connects at the first query. A connection that cannot be made fails its query within five
 * seconds, and a statement that runs longer than ten is cancelled by the server.
 */
export function openPool(url: string, { connections = 10, name = 'sallyport' }: PoolOptions = {}): Sql {
  return postgres(url, {
    max: connections,
    connect_timeout: 5,
    idle_timeout: 0,
    backoff: (failures) => Math.min(0.05 * 2 ** failures, 1),
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: name, statement_timeout: 10_000 },
  })
}

export type { Sql }
