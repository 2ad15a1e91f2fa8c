// Rows of `security_log`, inserted with their cause. log-search.ts reads them, security-log-chain.ts seals them.
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { securityEventNames, securityLog as table } from '../../../drizzle/tables/security-log.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { own, parameter, parameters } from '../conditions.ts'
import { type Database, one, prepared, type UnscopedDatabase } from '../database.ts'

export type LogRow = typeof table.$inferSelect
export type SecurityEventName = LogRow['event']
export type LogDetails = LogRow['details']

/** Whether the log has an event of this name. */
export const isSecurityEvent = (text: string): boolean => securityEventNames.some((name) => name === text)

/** The client and the actor of a row. */
export interface LogCircumstances
  extends Pick<LogRow, 'actor' | 'addressPrefix' | 'userAgent' | 'sessionId' | 'details'> {}

export interface NewLogRow extends LogCircumstances, Pick<LogRow, 'event' | 'outcome'> {
  /** UUID of the account that the row concerns; null: the account of `email`, if there is one. */
  readonly account: string | null
  readonly email: string | null
  /** HMAC of `email`, which is stored if no account has the address. */
  readonly addressHash: Buffer | null
}

/** The columns that `loggedValues` fills. */
export const loggedColumns = sql`(project_id, event, outcome, actor, address_prefix, user_agent, session_id, details, account)`

/** Values for `loggedColumns` from the parameters of a prepared statement. @param account the column with the account's UUID */
export const loggedValues = (projectId: SQL, account: SQL) => sql`${projectId}, ${parameter('event')}::text,
  ${parameter('outcome')}::text, ${parameter('actor')}::text, ${parameter('addressPrefix')}::text,
  ${parameter('userAgent')}::text, ${parameter('sessionId')}::uuid, ${parameter('details')}::jsonb, ${account}`

const insert = prepared((query) =>
  query
    .insert(table)
    // One value for each column, in the order of the table.
    .select(
      sql`select nextval(pg_get_serial_sequence('security_log', 'id')), ${parameter('projectId')}::uuid, now(),
        ${parameter('event')}::text, ${parameter('outcome')}::text, ${parameter('actor')}::text,
        coalesce(${parameter('account')}::uuid, ${users.uuid}),
        case when ${parameter('account')}::uuid is null and ${users.uuid} is null then ${parameter('addressHash')}::bytea end,
        ${parameter('addressPrefix')}::text, ${parameter('userAgent')}::text, ${parameter('sessionId')}::uuid,
        ${parameter('details')}::jsonb, null::bigint, null::bytea
      from (values (1)) as one
      left join ${users} on ${and(own(users, parameters), eq(users.email, parameter('email')))}`,
    )
    .returning({ account: table.account })
    .prepare('security_log_add'),
)

/**
 * Inserts a row, by the same statement whether or not the address has an account. Its commit waits for the disk, which also flushes
 * earlier counts of attempts.
 * @returns the UUID of the account that the row concerns; null: none
 */
export async function insertLogRow(db: Database, row: NewLogRow): Promise<string | null> {
  const { account } = await one(insert(db, { ...row, details: JSON.stringify(row.details) }))
  return account
}

/** An operator's act on a project or on the installation. */
export interface NewOperatorAct
  extends Pick<LogRow, 'projectId' | 'event' | 'details'>,
    Partial<Pick<LogRow, 'account' | 'sessionId' | 'addressPrefix' | 'userAgent' | 'outcome'>> {}

/** Inserts an operator's act, in the transaction of the act. */
export async function insertOperatorAct({ queries }: UnscopedDatabase, act: NewOperatorAct): Promise<void> {
  await queries.insert(table).values({ ...act, actor: 'operator' })
}
