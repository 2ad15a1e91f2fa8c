// Rows of `sign_in_failures`: attempts are paid for before the work and given back when they succeed.
import { and, eq, sql } from 'drizzle-orm'
import { signInFailures } from '../../drizzle/tables/sign-in-failures.ts'
import { type Database, first, once } from './database.ts'

type Bucket = typeof signInFailures.$inferSelect.bucket

/** One bucket that an attempt falls into. An exempt bucket counts the attempt and never refuses it. */
export interface BucketKey {
  bucket: Bucket
  keyHash: Buffer
  exempt: boolean
}

export interface Thresholds {
  /** Attempts after which account_address and code buckets lock. */
  strict: number
  /** Attempts after which account and address buckets lock. */
  loose: number
  windowSeconds: number
  /** The first lock; each further attempt doubles it, up to 2^10 times. */
  baseSeconds: number
}

const table = signInFailures
const locked = sql`coalesce(${table.lockedUntil} > now(), false)`
const over = sql`greatest(${table.windowStartedAt}, coalesce(${table.lockedUntil}, ${table.windowStartedAt}))
  + make_interval(secs => ${sql.placeholder('windowSeconds')}::int) < now()`
const attempts = sql`case when ${over} then 1 else ${table.attempts} + 1 end`
const threshold = sql`case when ${table.bucket} in ('account_address', 'code')
  then ${sql.placeholder('strict')}::int else ${sql.placeholder('loose')}::int end`

const cleared = sql`${table.bucket} in ('account_address', 'code') and ${sql.placeholder('succeeded')}::boolean`

const asked = sql`(select * from jsonb_to_recordset(${sql.placeholder('keys')}::jsonb)
  as asked(bucket text, key text, exempt boolean)) as asked`
const sameKey = sql`${table.projectId} = ${sql.placeholder('projectId')}::uuid
  and ${table.bucket} = asked.bucket and ${table.keyHash} = decode(asked.key, 'hex')`

function parameters(projectId: string, keys: readonly BucketKey[], thresholds: Thresholds) {
  const wire = keys.map((key) => ({
    bucket: key.bucket,
    key: key.keyHash.toString('hex'),
    exempt: key.exempt,
  }))
  return { projectId, keys: JSON.stringify(wire), ...thresholds }
}

export function signInFailuresRepository(db: Database) {
  // Rows are always locked in the order of their bucket's name, here and in `giveBack`: no two attempts can deadlock.
  const reserve = once(() =>
    db
      .insert(table)
      .select(
        sql`select ${sql.placeholder('projectId')}::uuid, asked.bucket, decode(asked.key, 'hex'), 1, now(), null::timestamptz
          from ${asked}
          where not exists (select 1 from ${asked} join ${table} on ${sameKey} where ${locked} and not asked.exempt)
          order by asked.bucket`,
      )
      .onConflictDoUpdate({
        target: [table.projectId, table.bucket, table.keyHash],
        set: {
          attempts,
          windowStartedAt: sql`case when ${over} then now() else ${table.windowStartedAt} end`,
          lockedUntil: sql`case when ${attempts} >= ${threshold}
            then now() + make_interval(secs => ${sql.placeholder('baseSeconds')}::int * power(2, least(${attempts} - ${threshold}, 10))::int)
            end`,
        },
        setWhere: sql`not ${locked} or ${sql.placeholder('exempt')}::jsonb ? ${table.bucket}`,
      })
      .returning({ bucket: table.bucket })
      .prepare('sign_in_attempt_reserve'),
  )

  const giveBack = once(() => {
    const held = db
      .select({ bucket: table.bucket, keyHash: table.keyHash })
      .from(table)
      .where(sql`exists (select 1 from ${asked} where ${sameKey})`)
      .orderBy(table.bucket)
      .for('update')
      .as('held')
    return db
      .update(table)
      .set({
        attempts: sql`case when ${cleared} then 0 else greatest(${table.attempts} - 1, 0) end`,
        lockedUntil: sql`case when ${cleared} or ${table.attempts} <= ${threshold} then null else ${table.lockedUntil} end`,
      })
      .from(held)
      .where(
        and(
          eq(table.projectId, sql.placeholder('projectId')),
          eq(table.bucket, held.bucket),
          eq(table.keyHash, held.keyHash),
        ),
      )
      .prepare('sign_in_attempt_give_back')
  })

  const wait = once(() =>
    db
      .select({
        seconds: sql<number>`ceil(extract(epoch from max(${table.lockedUntil}) - now()))::int`,
      })
      .from(table)
      .where(sql`${locked} and exists (select 1 from ${asked} where ${sameKey} and not asked.exempt)`)
      .prepare('sign_in_lock_wait'),
  )

  return {
    /** Counts one attempt in every bucket; false, and nothing counted, when one of them is locked. */
    async reserve(projectId: string, keys: readonly BucketKey[], thresholds: Thresholds): Promise<boolean> {
      const exempt = JSON.stringify(keys.filter((key) => key.exempt).map((key) => key.bucket))
      const rows = await reserve().execute({ ...parameters(projectId, keys, thresholds), exempt })
      if (rows.length === keys.length) return true
      // A bucket was locked while this statement waited for another: what it counted there is taken back.
      const counted = keys.filter(({ bucket }) => rows.some((row) => row.bucket === bucket))
      if (counted.length > 0)
        await giveBack().execute({ ...parameters(projectId, counted, thresholds), succeeded: false })
      return false
    },

    /**
     * Gives the attempt back to every bucket. One that succeeded empties the strict buckets besides; one that came to
     * no answer (the password was never checked) only takes itself back.
     */
    async giveBack(
      projectId: string,
      keys: readonly BucketKey[],
      thresholds: Thresholds,
      succeeded: boolean,
    ): Promise<void> {
      await giveBack().execute({ ...parameters(projectId, keys, thresholds), succeeded })
    },

    /** Whole seconds until every lock on these buckets is over; at least 1. */
    async waitSeconds(
      projectId: string,
      keys: readonly BucketKey[],
      thresholds: Thresholds,
    ): Promise<number> {
      const row = first(await wait().execute(parameters(projectId, keys, thresholds)))
      return Math.max(1, row?.seconds ?? 1)
    },
  }
}
