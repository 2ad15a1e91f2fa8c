// Rows of `mail_counts`: one statement counts a mail for its recipient, and decides whether the mail may be queued.
import { type SQL, sql } from 'drizzle-orm'
import { mailCounts as table } from '../../../drizzle/tables/mail-counts.ts'
import { parameter, parameters } from '../conditions.ts'
import { type Database, first, hasRows, prepared } from '../database.ts'

/** A mail to be counted for its recipient. */
export interface CountedMail {
  /** HMAC of the recipient's address. */
  readonly mailKey: Buffer
  readonly budget: typeof table.$inferSelect.budget
  readonly isReset: boolean
  readonly perHour: number
  readonly perDay: number
  /** Mails per hour that are reserved for resets. Resets up to this number are also sent if the daily limit is reached. */
  readonly reservedResets: number
}

const hour = sql`interval '1 hour'`
const day = sql`interval '1 day'`
const hourIsOver = sql`${table.hourStartedAt} + ${hour} <= now()`
const dayIsOver = sql`${table.dayStartedAt} + ${day} <= now()`
const inHour = sql`case when ${hourIsOver} then 0 else ${table.hourCount} end`
const resetsInHour = sql`case when ${hourIsOver} then 0 else ${table.hourResets} end`
const inDay = sql`case when ${dayIsOver} then 0 else ${table.dayCount} end`

const isReset = sql`${parameter('isReset')}::boolean`
const reservedResets = sql`${parameter('reservedResets')}::int`
/** The part of the reserve that this mail must not use. */
const left = sql`case when ${isReset} then 0 else greatest(${reservedResets} - (${resetsInHour}), 0) end`
const hourIsFull = sql`(${inHour}) + (${left}) >= ${parameter('perHour')}::int`
const dayIsFull = sql`((${inDay}) >= ${parameter('perDay')}::int
  and not (${isReset} and (${resetsInHour}) < ${reservedResets}))`

/**
 * A statement that counts a mail for its recipient. It returns a row if the limits allow the mail. Concurrent statements see each
 * other's counts.
 * @param source the part of the select from `from` on, which has one row if the mail is to be sent
 */
export function reservingMail(source: SQL): SQL {
  return sql`insert into ${table} (project_id, key_hash, budget, hour_count, hour_resets, day_count)
    select ${parameters.projectId}::uuid, ${parameter('mailKey')}::bytea, ${parameter('budget')}::text, 1, ${isReset}::int, 1
    ${source}
    on conflict (project_id, key_hash, budget) do update set
      hour_started_at = case when ${hourIsOver} then now() else ${table.hourStartedAt} end,
      hour_count = (${inHour}) + 1,
      hour_resets = (${resetsInHour}) + ${isReset}::int,
      hour_suppressed = case when ${hourIsOver} then 0 else ${table.hourSuppressed} end,
      day_started_at = case when ${dayIsOver} then now() else ${table.dayStartedAt} end,
      day_count = (${inDay}) + 1
    where not (${hourIsFull}) and not ${dayIsFull}
    returning 1 as reserved`
}

const reserve = prepared((query) => {
  const reserved = query
    .$with('mail_reserved', { reserved: sql<number>`reserved`.as('reserved') })
    .as(reservingMail(sql``))
  return query.with(reserved).select().from(reserved).prepare('mail_reserve')
})

const suppress = prepared((query) => {
  const wait = sql`greatest(case when ${hourIsFull} then ${table.hourStartedAt} + ${hour} - now() end,
    case when ${dayIsFull} then ${table.dayStartedAt} + ${day} - now() end)`
  const noted = query
    .$with('noted', {
      suppressed: sql<number>`suppressed`.as('suppressed'),
      seconds: sql<number | null>`seconds`.as('seconds'),
    })
    .as(sql`update ${table} set hour_suppressed = ${table.hourSuppressed} + 1
      where ${table.projectId} = ${parameters.projectId}::uuid and ${table.keyHash} = ${parameter('mailKey')}::bytea
        and ${table.budget} = ${parameter('budget')}::text
      returning hour_suppressed as suppressed, ceil(extract(epoch from ${wait}))::int as seconds`)
  return query.with(noted).select().from(noted).prepare('mail_suppress')
})

/** Counts a mail for its recipient, in the transaction that queues it. @returns whether the limits allow it */
export function reserveMail(db: Database, mail: CountedMail): Promise<boolean> {
  return hasRows(reserve(db, mail))
}

/**
 * Counts a mail that is not queued because its recipient has reached a limit.
 * @returns how many mails were suppressed in this hour, and whole seconds until the limits allow one
 */
export async function noteSuppressedMail(
  db: Database,
  mail: CountedMail,
): Promise<{ suppressed: number; waitSeconds: number }> {
  const row = await first(suppress(db, mail))
  return { suppressed: row?.suppressed ?? 0, waitSeconds: Math.max(1, row?.seconds ?? 1) }
}
