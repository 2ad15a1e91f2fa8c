// Rows of `sign_in_failures`: an attempt is counted in its buckets before the credential is checked, and released if it succeeds.
import { type SQL, sql } from 'drizzle-orm'
import { signInFailures as table } from '../../../drizzle/tables/sign-in-failures.ts'
import { parameter } from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'

type Bucket = typeof table.$inferSelect.bucket

/** A counted attempt: the attempts of each bucket in its window, including this one. */
export interface Counted {
  readonly attempts: Partial<Record<Bucket, number>>
}

/** A bucket in which an attempt is counted. */
export interface BucketKey {
  readonly bucket: Bucket
  readonly keyHash: Buffer
}

export interface Thresholds {
  /** Attempts after which account_address and code buckets lock. */
  readonly strict: number
  /** Attempts after which account and address buckets lock. */
  readonly loose: number
  readonly windowSeconds: number
  /** Duration of the first lock; each further attempt doubles it, up to 2^10 times, for codes up to 2^3 times. */
  readonly baseSeconds: number
}

/** An attempt to be counted, in at most three different buckets. */
export interface CountedAttempt {
  readonly keys: readonly BucketKey[]
  readonly thresholds: Thresholds
  /** Whether a lock of the account bucket does not refuse the attempt; the bucket still counts it. */
  readonly accountExempt: boolean
}

const locked = sql`coalesce(${table.lockedUntil} > now(), false)`
const over = sql`greatest(${table.windowStartedAt}, coalesce(${table.lockedUntil}, ${table.windowStartedAt}))
  + make_interval(secs => ${parameter('windowSeconds')}::int) < now()`
const attempts = sql`case when ${over} then 1 else ${table.attempts} + 1 end`
const threshold = sql`case when ${table.bucket} in ('account_address', 'code')
  then ${parameter('strict')}::int else ${parameter('loose')}::int end`

/** Anyone can enter wrong codes for an address from everywhere, so a lock must not outlast such an attack by weeks. */
const doublings = sql`least(${attempts} - ${threshold}, case when ${table.bucket} = 'code' then 3 else 10 end)`

const cleared = sql`${table.bucket} in ('account_address', 'code') and ${parameter('succeeded')}::boolean`

const slots = [0, 1, 2] as const
/** The buckets of the attempt, as rows. */
const asked = sql`(select * from (values ${sql.join(
  slots.map((slot) => sql`(${parameter(`bucket${slot}`)}::text, ${parameter(`key${slot}`)}::bytea)`),
  sql`, `,
)}) as given(bucket, key) where bucket is not null) as asked`
/**
 * The row of each bucket. `offset 0` forces one index lookup for each bucket: the cached plan of a prepared statement could otherwise
 * scan all rows of the project, if there were few when the plan was made.
 */
const rowOfEach = sql`${asked} cross join lateral (select ${table.lockedUntil} from ${table}
  where ${table.projectId} = ${parameter('projectId')}::uuid
    and ${table.bucket} = asked.bucket and ${table.keyHash} = asked.key offset 0) as held`
const isHeld = sql`held.locked_until > now()`

/** The parameters of the statements in this file. */
export function countedParameters({ keys, thresholds, accountExempt }: CountedAttempt) {
  const named = slots.flatMap((slot) => [
    [`bucket${slot}`, keys[slot]?.bucket ?? null],
    [`key${slot}`, keys[slot]?.keyHash ?? null],
  ])
  return { ...Object.fromEntries(named), ...thresholds, accountExempt }
}

/**
 * A statement that counts an attempt, unless one of its buckets is locked. It returns the buckets with their counts. Like
 * `releasing`, it locks rows in the order of their buckets' names, so that attempts cannot deadlock.
 */
export function reserving(accountExempt: SQL): SQL {
  const exempt = (bucket: SQL) => sql`(${bucket} = 'account' and ${accountExempt})`
  return sql`insert into ${table} (project_id, bucket, key_hash, attempts, window_started_at)
    select ${parameter('projectId')}::uuid, asked.bucket, asked.key, 1, now() from ${asked}
      where not exists (select 1 from ${rowOfEach} where ${isHeld} and not ${exempt(sql`asked.bucket`)})
      order by asked.bucket
    on conflict (project_id, bucket, key_hash) do update set
      attempts = ${attempts},
      window_started_at = case when ${over} then now() else ${table.windowStartedAt} end,
      locked_until = case when ${attempts} >= ${threshold}
        then now() + make_interval(secs => ${parameter('baseSeconds')}::int * power(2, ${doublings})::int) end
      where not ${locked} or ${exempt(sql`${table.bucket}`)}
    returning bucket, attempts`
}

/** A statement that releases an attempt from its buckets if `condition` holds. A row that was deleted concurrently is inserted with 0. */
export function releasing(condition: SQL): SQL {
  return sql`insert into ${table} (project_id, bucket, key_hash, attempts, window_started_at)
    select ${parameter('projectId')}::uuid, asked.bucket, asked.key, 0, now() from ${asked}
      where ${condition} order by asked.bucket
    on conflict (project_id, bucket, key_hash) do update set
      attempts = case when ${cleared} then 0 else greatest(${table.attempts} - 1, 0) end,
      locked_until = case when ${cleared} or ${table.attempts} <= ${threshold} then null else ${table.lockedUntil} end
    returning ${table.bucket}`
}

const reserve = prepared((query) => {
  const reserved = query
    .$with('reserved', { bucket: table.bucket, attempts: table.attempts })
    .as(reserving(sql`${parameter('accountExempt')}::boolean`))
  return query.with(reserved).select().from(reserved).prepare('sign_in_attempt_reserve')
})

const release = prepared((query) => {
  const released = query.$with('released', { bucket: table.bucket }).as(releasing(sql`true`))
  return query.with(released).select().from(released).prepare('sign_in_attempt_give_back')
})

const wait = prepared((query) => {
  const waits = query
    .$with('waits', { seconds: sql<number | null>`seconds`.as('seconds') })
    .as(sql`select ceil(extract(epoch from max(held.locked_until) - now()))::int as seconds from ${rowOfEach}
      where ${isHeld} and not (asked.bucket = 'account' and ${parameter('accountExempt')}::boolean)`)
  return query.with(waits).select().from(waits).prepare('sign_in_lock_wait')
})

/** Counts an attempt in all its buckets. @returns null, without a count: a bucket is locked */
export async function reserveAttempt(db: Database, counted: CountedAttempt): Promise<Counted | null> {
  const rows = await reserve(db, countedParameters(counted))
  return checkReserved(
    db,
    counted,
    Object.fromEntries(rows.map(({ bucket, attempts }) => [bucket, attempts])),
  )
}

/**
 * Checks that all buckets have counted an attempt. If a bucket was locked while the statement waited for another one, the attempt is
 * released from the others.
 * @param attempts the counts of the buckets that counted it
 * @returns null: one of them did not
 */
export async function checkReserved(
  db: Database,
  counted: CountedAttempt,
  attempts: Counted['attempts'],
): Promise<Counted | null> {
  const keys = counted.keys.filter(({ bucket }) => attempts[bucket] !== undefined)
  if (keys.length === counted.keys.length) return { attempts }
  if (keys.length > 0) await releaseAttempt(db, { ...counted, keys }, false)
  return null
}

/**
 * Releases an attempt from all its buckets.
 * @param succeeded true: also reset the strict buckets; false: the attempt was not decided, because no password was checked
 */
export async function releaseAttempt(
  db: Database,
  counted: CountedAttempt,
  succeeded: boolean,
): Promise<void> {
  await release(db, { ...countedParameters(counted), succeeded })
}

/** Finds the whole seconds until all locks of these buckets have ended; at least 1. */
export async function findLockWait(db: Database, counted: CountedAttempt): Promise<number> {
  const row = await first(wait(db, countedParameters(counted)))
  return Math.max(1, row?.seconds ?? 1)
}
