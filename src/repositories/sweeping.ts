// Removes rows that nobody reads any more, a stretch of a table at a time.
//
// A table is walked by its blocks (PostgreSQL's TID range scan), so a pass reads every block once, needs no index, and
// each statement is short however many rows have expired.
import { type SQL, sql } from 'drizzle-orm'
import type { Queries } from './database.ts'

const day = sql`interval '1 day'`

/** Of failed sign-ins: neither in a lock nor used lately, so that who signs in often does not have rows made anew. */
const noLonger = sql`greatest(window_started_at, locked_until) < now() - interval '1 hour'`

/** What has expired, table by table. Ended sessions stay a day for whoever asks what happened; mail a
 * week, to strangers a day; keys a month, in which their owner sees that they ended. Failed sign-ins go after the longest
 * window that a policy may have, and sooner where nothing is counted in the row any more. */
const expired = {
  sessions: sql`expires_at < now() - ${day} or revoked_at < now() - ${day}`,
  verification_tokens: sql`expires_at < now() - ${day}`,
  api_keys: sql`expires_at < now() - 30 * ${day} or revoked_at < now() - 30 * ${day}`,
  registrations: sql`expires_at < now() - ${day}`,
  team_invitations: sql`expires_at < now() - ${day}`,
  idempotency_keys: sql`expires_at < now()`,
  spent_proofs: sql`expires_at < now() - ${day}`,
  sign_in_failures: sql`greatest(window_started_at, locked_until) < now() - ${day} or (attempts = 0 and ${noLonger})`,
  cooldowns: sql`last_at < now() - 2 * ${day}`,
  known_addresses: sql`last_at < now() - 180 * ${day}`,
  outbox: sql`sent_at < now() - 7 * ${day} or dead_at < now() - 30 * ${day}
    or (user_id is null and sent_at < now() - ${day})`,
  audit_events: sql`created_at < now() - 400 * ${day}`,
} satisfies Record<string, SQL>

export type SweptTable = keyof typeof expired

/** Any number, as long as nobody else takes it: held by the instance that sweeps. */
const lockId = 7_255_979_163

export function sweepingRepository(db: Queries) {
  return {
    tables: Object.keys(expired) as readonly SweptTable[],

    /** Blocks that the table has now. */
    async blocks(table: SweptTable): Promise<number> {
      const [row] = await db.execute<{ blocks: number }>(
        sql`select (pg_relation_size(${table}::regclass) / current_setting('block_size')::int)::int as blocks`,
      )
      return row?.blocks ?? 0
    },

    /**
     * Removes what has expired in blocks [from, to); rows that somebody holds are left for the next pass. To be called
     * in a transaction: null when another instance is sweeping, else how many rows went.
     */
    async removeExpired(table: SweptTable, from: number, to: number): Promise<number | null> {
      const [lock] = await db.execute<{ held: boolean }>(
        sql`select pg_try_advisory_xact_lock(${lockId}::bigint) as held`,
      )
      if (!lock?.held) return null
      const name = sql.identifier(table)
      const stretch = sql`ctid >= ${`(${from},0)`}::tid and ctid < ${`(${to},0)`}::tid`
      const rows = await db.execute(
        sql`delete from ${name} where ctid = any(array(
          select ctid from ${name} where ${stretch} and (${expired[table]}) for update skip locked)) returning 1`,
      )
      return rows.length
    },
  }
}
