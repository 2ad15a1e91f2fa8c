// A standby of the database: read where an answer may be some seconds old, passed over while it is away or far behind.
import { setTimeout as sleep } from 'node:timers/promises'
import { isMigrated } from './migrations.ts'
import { openPool, type Pool, type Sql } from './pool.ts'

export type ReplicaState = 'replica' | 'primary (fallback)'

export interface Replica {
  readonly sql: Pool
  /**
   * Runs `read` on the replica; null where it is away, or goes away meanwhile: then the primary is to be asked.
   * `fresh`: not before the replica has all that is committed now; null where that takes more than a second.
   */
  ask<T>(read: () => Promise<T>, fresh: boolean): Promise<{ readonly answer: T } | null>
  state(): ReplicaState
  close(): Promise<void>
}

export interface ReplicaOptions {
  readonly url: string
  readonly primary: Sql
  readonly pooled: boolean
  /** What its connections become, as those to the primary. */
  readonly role: string | null
  /** Whether an error means that the server is away. */
  readonly isAway: (error: unknown) => boolean
  /** Told once of each change, in words for the log: whether it is there, and why not. */
  readonly say: (found: boolean, words: string, reason?: string) => void
}

/** Milliseconds between two looks at it: what it lacked at one it must have at the next. */
const lookMs = 2000

/** Milliseconds that a look, or a read that must be fresh, waits for the replica. */
const patienceMs = 1000

/** Connects, and looks once; where it is away, the service starts all the same. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { url, primary, pooled, role, isAway, say } = options
  const sql = openPool(url, { connections: 5, name: 'sallyport-read', waitMs: patienceMs, pooled, role })
  const waiting = new Set<() => void>()
  let state: ReplicaState | undefined
  let behind: string | undefined
  let closed = false
  const stopping = new AbortController()

  function find(): void {
    if (state !== 'replica' && !closed) say(true, 'Activity and exports are read from the replica')
    state = 'replica'
  }

  function lose(reason: string): void {
    if (state !== 'primary (fallback)' && !closed)
      say(false, 'The replica is passed over: until it is back, everything is read from the primary', reason)
    state = 'primary (fallback)'
    for (const giveUp of waiting) giveUp()
  }

  /** Where the primary's log ends now. */
  async function position(): Promise<string> {
    const [row] = await primary`select pg_current_wal_insert_lsn()::text as position`
    return String(row?.position)
  }

  /** Whether the replica has what the primary's log held up to there, now or within a second. */
  async function reaches(there: string): Promise<boolean> {
    const until = performance.now() + patienceMs
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      const [row] =
        await sql`select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= ${there}::pg_lsn as reached`
      if (row?.reached) return true
      if (performance.now() > until) return false
      await sleep(pauseMs)
    }
  }

  async function whyNot(): Promise<string | null> {
    const now = await position()
    const [row] = await sql`select pg_is_in_recovery() as standby`
    if (!row?.standby) return 'it is no standby of the database'
    if (!(await isMigrated(sql))) return 'its tables are those of another version'
    if (!(await reaches(behind ?? now))) return 'it is too far behind'
    behind = now
    return null
  }

  async function look(): Promise<void> {
    const late = sleep(2 * patienceMs, 'it does not answer', { ref: false })
    const why = await Promise.race([whyNot(), late]).catch((error: Error) => error.message)
    if (why === null) find()
    else lose(why)
  }

  async function keepLooking(): Promise<void> {
    while (!closed) {
      await sleep(lookMs, undefined, { ref: false, signal: stopping.signal }).catch(() => {})
      if (!closed) await look()
    }
  }

  await look()
  void keepLooking()

  return {
    sql,
    state: () => state ?? 'primary (fallback)',
    ask: (read, fresh) =>
      new Promise((resolve, reject) => {
        if (state !== 'replica') return resolve(null)
        const settle = <A>(end: (value: A) => void, value: A) => {
          waiting.delete(giveUp)
          end(value)
        }
        const giveUp = () => settle(resolve, null)
        waiting.add(giveUp)
        const ready = fresh ? position().then(reaches) : Promise.resolve(true)
        ready
          .then(async (isReady) => (isReady ? { answer: await read() } : null))
          .then(
            (found) => settle(resolve, found),
            (error: Error) => {
              if (!isAway(error)) return settle(reject, error)
              lose(error.message)
              giveUp()
            },
          )
      }),
    async close() {
      closed = true
      stopping.abort()
      await sql.end({ timeout: 1 })
    },
  }
}
