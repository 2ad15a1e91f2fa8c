// Reads from a standby of the database where an answer may be some seconds old; not used while it is away or far behind.
import { setTimeout as sleep } from 'node:timers/promises'
import { isMigrated } from './migrations.ts'
import { openPool, type Pool, type Sql } from './pool.ts'

export type ReplicaState = 'replica' | 'primary (fallback)'

export interface Replica {
  readonly sql: Pool
  /**
   * Runs `read` on the replica.
   * @param fresh waits until the replica has everything committed before the call, at most a second
   * @returns null where the replica is away, late, or lost meanwhile: the caller then asks the primary
   */
  ask<T>(read: () => Promise<T>, fresh: boolean): Promise<{ readonly answer: T } | null>
  state(): ReplicaState
  close(): Promise<void>
}

export interface ReplicaOptions {
  readonly url: string
  readonly primary: Sql
  readonly pooled: boolean
  /** The role that its connections take, as those to the primary. */
  readonly role: string | null
  /** Whether an error means that the server is away. */
  readonly isAway: (error: unknown) => boolean
  /** Called with a sentence for the log at each change of state. */
  readonly say: (isUsed: boolean, sentence: string, reason?: string) => void
}

/** Milliseconds between two checks: what the primary had at one check the replica must have at the next. */
const checkMs = 2000

/** Milliseconds that a check, or a fresh read, waits for the replica. */
const waitMs = 1000

/** Connects and checks once. A replica that is away does not keep the service from starting. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { url, primary, pooled, role, isAway, say } = options
  const sql = openPool(url, { connections: 5, name: 'sallyport-read', waitMs, pooled, role })
  const waiting = new Set<() => void>()
  let state: ReplicaState | undefined
  /** Where the primary's log ended at the last check that the replica passed. */
  let required: string | undefined
  const stopping = new AbortController()

  function use(): void {
    if (state !== 'replica' && !stopping.signal.aborted)
      say(true, 'Activity and exports are read from the replica')
    state = 'replica'
  }

  function lose(reason: string): void {
    if (state !== 'primary (fallback)' && !stopping.signal.aborted)
      say(false, 'The replica is passed over: until it is back, everything is read from the primary', reason)
    state = 'primary (fallback)'
    for (const giveUp of waiting) giveUp()
  }

  /** The end of the primary's write-ahead log. */
  async function position(): Promise<string> {
    const [row] = await primary`select pg_current_wal_insert_lsn()::text as position`
    return String(row?.position)
  }

  /** Whether the replica has replayed the log up to `end`, now or within a second. */
  async function reaches(end: string): Promise<boolean> {
    const until = performance.now() + waitMs
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      const [row] =
        await sql`select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= ${end}::pg_lsn as reached`
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
    if (!(await reaches(required ?? now))) return 'it is too far behind'
    required = now
    return null
  }

  async function check(): Promise<void> {
    const late = sleep(2 * waitMs, 'it does not answer', { ref: false })
    const why = await Promise.race([whyNot(), late]).catch((error: Error) => error.message)
    if (why === null) use()
    else lose(why)
  }

  async function keepChecking(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(checkMs, undefined, { ref: false, signal: stopping.signal }).catch(() => {})
      if (!stopping.signal.aborted) await check()
    }
  }

  await check()
  void keepChecking()

  return {
    sql,
    state: () => state ?? 'primary (fallback)',
    async ask(read, fresh) {
      if (state !== 'replica') return null
      let giveUp = () => {}
      const lost = new Promise<null>((resolve) => {
        giveUp = () => resolve(null)
      })
      waiting.add(giveUp)
      const answer = async () =>
        !fresh || (await reaches(await position())) ? read().then((found) => ({ answer: found })) : null
      try {
        return await Promise.race([lost, answer()])
      } catch (error) {
        if (!isAway(error)) throw error
        lose((error as Error).message)
        return null
      } finally {
        waiting.delete(giveUp)
      }
    },
    async close() {
      stopping.abort()
      await sql.end({ timeout: 1 })
    },
  }
}
