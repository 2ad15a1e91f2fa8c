// The database's time, for decisions that do not ask the database: the expiry of access tokens. It advances by the monotonic
// clock, so a step of this machine's clock makes no expired token valid and no fresh one invalid.
import type { Sql } from 'postgres'

export interface Clock {
  /** Milliseconds since 1970, by the database. */
  now(): number
  /** Asks the database again. @throws the database's error */
  set(): Promise<void>
  stop(): void
}

/** Milliseconds between two requests: a step of the database's clock, or a failover, is followed within them. */
const intervalMs = 30_000

/** An answer that took longer than this is too imprecise. */
const maxRoundTripMs = 1000

/** Asks the database for its time, now and every half minute. @throws the database's error */
export async function startClock(sql: Sql): Promise<Clock> {
  let offsetMs: number | undefined

  async function set(): Promise<void> {
    const asked = performance.now()
    const [row] = await sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
    const answered = performance.now()
    if (offsetMs !== undefined && answered - asked > maxRoundTripMs) return
    offsetMs = Number(row?.ms) - (asked + answered) / 2
  }

  await set()
  // A failure is retried at the next interval; until then the last answer holds.
  const timer = setInterval(() => void set().catch(() => {}), intervalMs).unref()
  return { now: () => performance.now() + (offsetMs ?? 0), set, stop: () => clearInterval(timer) }
}
