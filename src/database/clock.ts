// The database's time as this process knows it, for what is decided without asking the database: the end of an access
// token. It goes on by the monotonic clock, so that a machine whose own clock is stepped neither takes tokens that have
// expired nor refuses fresh ones.
import type { Sql } from 'postgres'

export interface Clock {
  /** Milliseconds since 1970, by the database. */
  now(): number
  /** Asks the database once more. @throws whatever the database throws */
  set(): Promise<void>
  stop(): void
}

/** Milliseconds between two looks: a database that was stepped, or replaced by another, is followed within them. */
const pauseMs = 30_000

/** A look that took longer than this says too little about when its answer was true. */
const roundTripMs = 1000

/** Asks the database for its time, now and every half minute. @throws whatever the database throws */
export async function startClock(sql: Sql): Promise<Clock> {
  let offsetMs: number | undefined

  async function set(): Promise<void> {
    const asked = performance.now()
    const [row] = await sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
    const answered = performance.now()
    if (offsetMs !== undefined && answered - asked > roundTripMs) return
    offsetMs = Number(row?.ms) - (asked + answered) / 2
  }

  await set()
  // What fails here is asked again; until then the last answer goes on.
  const timer = setInterval(() => void set().catch(() => {}), pauseMs).unref()
  return { now: () => performance.now() + (offsetMs ?? 0), set, stop: () => clearInterval(timer) }
}
