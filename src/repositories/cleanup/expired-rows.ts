// Deletes expired rows, a range of blocks of a table at a time.
//
// With PostgreSQL's TID range scan, a pass reads every block once and needs no index, and each statement is short, however many rows
// have expired.
import { type SQL, sql } from 'drizzle-orm'
import type { UnscopedDatabase } from '../database.ts'

const day = sql`interval '1 day'`

/** Whether a row of sign_in_failures was neither locked nor used in the last hour. Frequent sign-ins then reuse their rows. */
const isIdle = sql`greatest(window_started_at, locked_until) < now() - interval '1 hour'`

/** The retention of events and deliveries of a project, in days. */
const eventDays = (table: string) => sql`coalesce((select (policy -> 'events' ->> 'retention_days')::int
  from projects where projects.id = ${sql.identifier(table)}.project_id), 30)`

/**
 * The condition for expired rows of each table. Ended sessions stay for a day, so that a refusal can name the reason; sent mail for
 * a week, or a day if it has no account; ended keys for a month, in which their owner can see them. Failed sign-ins are deleted
 * after the longest window that a policy can have, or earlier if their count is 0.
 */
const expired = {
  sessions: sql`expires_at < now() - ${day} or revoked_at < now() - ${day}`,
  verification_tokens: sql`expires_at < now() - ${day}`,
  api_keys: sql`expires_at < now() - 30 * ${day} or revoked_at < now() - 30 * ${day}`,
  operator_keys: sql`expires_at < now() - 30 * ${day} or revoked_at < now() - 30 * ${day}`,
  operator_setups: sql`expires_at < now() - ${day}`,
  claims: sql`expires_at < now() - ${day}`,
  email_sign_ins: sql`expires_at < now() - ${day}`,
  registrations: sql`expires_at < now() - ${day}`,
  team_invitations: sql`expires_at < now() - ${day}`,
  idempotency_keys: sql`expires_at < now()`,
  second_factor_challenges: sql`expires_at < now() - ${day}`,
  trusted_devices: sql`expires_at < now() - ${day}`,
  totp_factors: sql`confirmed_at is null and created_at < now() - ${day}`,
  passkey_flows: sql`expires_at < now()`,
  spent_proofs: sql`expires_at < now() - ${day}`,
  sign_in_failures: sql`greatest(window_started_at, locked_until) < now() - ${day} or (attempts = 0 and ${isIdle})`,
  cooldowns: sql`last_at < now() - 2 * ${day}`,
  mail_counts: sql`greatest(hour_started_at, day_started_at) < now() - ${day}`,
  known_addresses: sql`last_at < now() - 180 * ${day}`,
  outbox: sql`sent_at < now() - 7 * ${day} or dead_at < now() - 30 * ${day}
    or (user_id is null and sent_at < now() - ${day})`,
  events: sql`at < now() - ${eventDays('events')} * ${day}`,
  webhook_deliveries: sql`state <> 'pending' and created_at < now() - ${eventDays('webhook_deliveries')} * ${day}`,
  audit_events: sql`created_at < now() - 400 * ${day}`,
} satisfies Record<string, SQL>

export type ExpiringTable = keyof typeof expired
export const expiringTables = Object.keys(expired) as readonly ExpiringTable[]

/** Advisory lock of the cleanup job; an arbitrary number. */
const lockId = 7_255_979_163

/** Counts the blocks of a table. */
export async function countBlocks(db: UnscopedDatabase, table: ExpiringTable): Promise<number> {
  const [row] = await db.queries.execute<{ blocks: number }>(
    sql`select (pg_relation_size(${table}::regclass) / current_setting('block_size')::int)::int as blocks`,
  )
  return row?.blocks ?? 0
}

/**
 * Deletes expired rows in the blocks [from, to), except locked ones. To be called in a transaction.
 * @returns how many rows; null: another instance is cleaning up
 */
export async function deleteExpired(
  { queries }: UnscopedDatabase,
  table: ExpiringTable,
  from: number,
  to: number,
): Promise<number | null> {
  const [lock] = await queries.execute<{ held: boolean }>(
    sql`select pg_try_advisory_xact_lock(${lockId}::bigint) as held`,
  )
  if (!lock?.held) return null
  const name = sql.identifier(table)
  const range = sql`ctid >= ${`(${from},0)`}::tid and ctid < ${`(${to},0)`}::tid`
  const rows = await queries.execute(
    sql`delete from ${name} where ctid = any(array(
      select ctid from ${name} where ${range} and (${expired[table]}) for update skip locked)) returning 1`,
  )
  return rows.length
}
