// Rows of `sign_in_failures`: attempts are paid for before the work and given back when they succeed.
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { signInFailures } from '../../drizzle/tables/sign-in-failures.ts'
import { type Database, first } from './database.ts'

type Bucket = typeof signInFailures.$inferSelect.bucket

/** One bucket that an attempt falls into. */
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
  /** The first lock; each further attempt doubles it, up to 2^10 times. */
  readonly baseSeconds: number
}

/** An attempt as it is counted: at most three buckets, each once. */
export interface Counted {
  readonly keys: readonly BucketKey[]
  readonly thresholds: Thresholds
  /** Whether the account bucket counts the attempt and does not refuse it. */
  readonly accountExempt: boolean
}

const table = signInFailures
const parameter = sql.placeholder
const locked = sql`coalesce(${table.lockedUntil} > now(), false)`
const over = sql`greatest(${table.windowStartedAt}, coalesce(${table.lockedUntil}, ${table.windowStartedAt}))
  + make_interval(secs => ${parameter('windowSeconds')}::int) < now()`
const attempts = sql`case when ${over} then 1 else ${table.attempts} + 1 end`
const threshold = sql`case when ${table.bucket} in ('account_address', 'code')
  then ${parameter('strict')}::int else ${parameter('loose')}::int end`

const cleared = sql`${table.bucket} in ('account_address', 'code') and ${parameter('succeeded')}::boolean`

const slots = [0, 1, 2] as const
/** The buckets of the attempt, as rows. */
const asked = sql`(select * from (values ${sql.join(
  slots.map((slot) => sql`(${parameter(`bucket${slot}`)}::text, ${parameter(`key${slot}`)}::bytea)`),
  sql`, `,
)}) as given(bucket, key) where bucket is not null) as asked`
/**
 * The row of each bucket. A plan outlives the statistics it was made from, so it is left no choice: joined freely, it
 * would read all rows of the project if they were few when it was made. "offset 0" keeps it one look-up for each bucket.
 */
const rowOfEach = sql`${asked} cross join lateral (select ${table.lockedUntil} from ${table}
  where ${table.projectId} = ${parameter('projectId')}::uuid
    and ${table.bucket} = asked.bucket and ${table.keyHash} = asked.key offset 0) as held`
const isHeld = sql`held.locked_until > now()`

/** The named parameters of every statement here. */
export function countedParameters(projectId: string, { keys, thresholds, accountExempt }: Counted) {
  const named = slots.flatMap((slot) => [
    [`bucket${slot}`, keys[slot]?.bucket ?? null],
    [`key${slot}`, keys[slot]?.keyHash ?? null],
  ])
  return { projectId, ...Object.fromEntries(named), ...thresholds, accountExempt }
}

// Rows are always locked in the order of their bucket's name, here and in `givingBack`: no two attempts can deadlock.
/** Counts the attempt unless one of its buckets is locked, and returns the buckets that count it. */
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
        then now() + make_interval(secs => ${parameter('baseSeconds')}::int * power(2, least(${attempts} - ${threshold}, 10))::int) end
      where not ${locked} or ${exempt(sql`${table.bucket}`)}
    returning bucket`
}

/** Takes the attempt back from its buckets where `condition` holds. A row that was swept meanwhile comes back empty. */
export function givingBack(condition: SQL): SQL {
  return sql`insert into ${table} (project_id, bucket, key_hash, attempts, window_started_at)
    select ${parameter('projectId')}::uuid, asked.bucket, asked.key, 0, now() from ${asked}
      where ${condition} order by asked.bucket
    on conflict (project_id, bucket, key_hash) do update set
      attempts = case when ${cleared} then 0 else greatest(${table.attempts} - 1, 0) end,
      locked_until = case when ${cleared} or ${table.attempts} <= ${threshold} then null else ${table.lockedUntil} end
    returning ${table.bucket}`
}

export function signInFailuresRepository(db: Database) {
  const reserve = db.prepared((query) => {
    const reserved = query
      .$with('reserved', { bucket: table.bucket })
      .as(reserving(sql`${parameter('accountExempt')}::boolean`))
    return query.with(reserved).select().from(reserved).prepare('sign_in_attempt_reserve')
  })

  const giveBack = db.prepared((query) => {
    const given = query.$with('given', { bucket: table.bucket }).as(givingBack(sql`true`))
    return query.with(given).select().from(given).prepare('sign_in_attempt_give_back')
  })

  const keep = db.prepared((query) =>
    query
      .update(table)
      .set({ attempts: sql`${table.attempts}` })
      .where(
        and(
          eq(table.projectId, parameter('projectId')),
          eq(table.bucket, parameter('bucket')),
          eq(table.keyHash, parameter('keyHash')),
        ),
      )
      .prepare('sign_in_attempt_keep'),
  )

  const wait = db.prepared((query) => {
    const waits = query
      .$with('waits', { seconds: sql<number | null>`seconds`.as('seconds') })
      .as(sql`select ceil(extract(epoch from max(held.locked_until) - now()))::int as seconds from ${rowOfEach}
        where ${isHeld} and not (asked.bucket = 'account' and ${parameter('accountExempt')}::boolean)`)
    return query.with(waits).select().from(waits).prepare('sign_in_lock_wait')
  })

  async function takeBack(projectId: string, counted: Counted, succeeded: boolean): Promise<void> {
    await giveBack({ ...countedParameters(projectId, counted), succeeded })
  }

  return {
    /** Counts one attempt in every bucket; false, and nothing counted, when one of them is locked. */
    async reserve(projectId: string, counted: Counted): Promise<boolean> {
      const rows = await reserve(countedParameters(projectId, counted))
      return this.settle(
        projectId,
        counted,
        rows.map(({ bucket }) => bucket),
      )
    },

    /**
     * Whether every bucket counted the attempt. A bucket may have been locked while the statement waited for another:
     * then what was counted there is taken back.
     */
    async settle(projectId: string, counted: Counted, buckets: readonly string[]): Promise<boolean> {
      if (buckets.length === counted.keys.length) return true
      const keys = counted.keys.filter(({ bucket }) => buckets.includes(bucket))
      if (keys.length > 0) await takeBack(projectId, { ...counted, keys }, false)
      return false
    },

    /**
     * Gives the attempt back to every bucket. One that succeeded empties the strict buckets besides; one that came to
     * no answer (the password was never checked) only takes itself back.
     */
    giveBack: takeBack,

    /** Puts what was counted so far on the disk, as every write does that changes no more than a row it finds. */
    async keep(projectId: string, { keys }: Counted): Promise<void> {
      const key = keys[0]
      if (key) await keep({ projectId, ...key })
    },

    /** Whole seconds until every lock on these buckets is over; at least 1. */
    async waitSeconds(projectId: string, counted: Counted): Promise<number> {
      const row = first(await wait(countedParameters(projectId, counted)))
      return Math.max(1, row?.seconds ?? 1)
    },
  }
}
