// The settings of a session that our statements rely on. Each session sets them at its start, so that they do not depend on ALTER
// ROLE, ALTER DATABASE or postgresql.conf. The start, the readiness check and doctor verify them.
import type { Sql } from 'postgres'

/** Milliseconds after which the server ends a statement, and a transaction that sends none. */
const sessionLimits = { statement_timeout: 5000, idle_in_transaction_session_timeout: 10_000 }

/** Settings that a pooler in transaction mode keeps for its clients: PgBouncer takes them at the start of a session. */
const kept = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' }

/** Settings that such a pooler refuses; behind it each transaction sets them. */
const refused = { IntervalStyle: 'postgres', bytea_output: 'hex', row_security: 'on' }

/** The level of transactions that name none. */
export const isolation = { default_transaction_isolation: 'read committed' }

/** The schema of the tables where the URL names none. */
export const defaultSchema = 'public'

/** The settings at the start of a session. @param pooled behind a pooler in transaction mode: only those that it accepts */
export const startSettings = (schema: string | null, pooled: boolean): Record<string, string | number> =>
  pooled
    ? kept
    : { ...kept, ...refused, ...isolation, ...sessionLimits, search_path: schema ?? defaultSchema }

/** The settings at the start of each transaction behind a pooler. */
export const transactionSettings = (schema: string | null): Record<string, string | number> => ({
  ...refused,
  ...sessionLimits,
  search_path: schema ?? defaultSchema,
})

/** Statements that set something for the rest of a transaction, to follow its `begin`. */
export const setLocal = (settings: Readonly<Record<string, string | number>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `; set local ${name} = '${value}'`)
    .join('')

/** The name of the table of applied migrations, and the schema in which it is; SQL that depends on `search_path`. */
export const journalSchema = `case current_schema() when 'public' then 'drizzle' else current_schema() end`

/** The problems of a session; the texts are sentences for the operator. */
export interface SessionCheck {
  /** The database itself cannot hold what we store. */
  readonly encoding: string | null
  /** The server takes no writes. */
  readonly standby: string | null
  /** Settings that were sent and are not in force: something between us and the server has dropped them. */
  readonly dropped: readonly string[]
}

const wrongEncoding = (encoding: unknown) =>
  `The database has the encoding ${encoding}, in which not every name can be stored. Make one with UTF8 (create database … encoding 'UTF8' template template0), and let the URL lead there.`

const isStandby = 'The database takes no writes: DATABASE_URL leads to a standby. Point it to the primary.'

/** Checks a session of a pool. @param schema as the URL names it */
export async function checkSession(sql: Sql, schema: string | null): Promise<SessionCheck> {
  const expected = Object.entries({ ...kept, ...refused, search_path: schema ?? defaultSchema })
  const [row] = await sql.unsafe(
    `select current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
      concat_ws(', ', ${expected
        .map(([name, value]) => `case when current_setting('${name}') <> '${value}' then '${name}' end`)
        .join(', ')}) as dropped`,
  )
  return {
    encoding: row?.encoding === 'UTF8' ? null : wrongEncoding(row?.encoding),
    standby: row?.standby ? isStandby : null,
    dropped: String(row?.dropped ?? '')
      .split(', ')
      .filter(Boolean),
  }
}
