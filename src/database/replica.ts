// Reads from a standby of the database where an answer may be some seconds old; not used while it is away or far behind.
import { setTimeout as sleep } from 'node:timers/promises'
import { isMigrated } from './migrations.ts'
import { openPool, type Pool, type Sql } from './pool.ts'

type ReplicaState = 'replica' | 'primary (fallback)'

interface ReplicaOptions {
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

/** The replica as this process sees it. It is checked every two seconds. */
export class Replica {
  readonly sql: Pool
  readonly #options: ReplicaOptions
  /** Reads under way, each with what makes its caller ask the primary. */
  readonly #waiting = new Set<() => void>()
  readonly #stopping = new AbortController()
  #state: ReplicaState | undefined
  /** Where the primary's log ended at the last check that the replica passed. */
  #required: string | undefined

  private constructor(options: ReplicaOptions) {
    const { url, pooled, role } = options
    this.#options = options
    this.sql = openPool(url, { connections: 5, name: 'sallyport-read', waitMs, pooled, role })
  }

  /** Connects and checks once. A replica that is away does not keep the service from starting. */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options)
    await replica.#check()
    void replica.#keepChecking()
    return replica
  }

  state(): ReplicaState {
    return this.#state ?? 'primary (fallback)'
  }

  /**
   * Runs `read` on the replica.
   * @param fresh waits until the replica has everything committed before the call, at most a second
   * @returns null where the replica is away, late, or lost meanwhile: the caller then asks the primary
   */
  async ask<T>(read: () => Promise<T>, fresh: boolean): Promise<{ readonly answer: T } | null> {
    if (this.#state !== 'replica') return null
    let giveUp = () => {}
    const lost = new Promise<null>((resolve) => {
      giveUp = () => resolve(null)
    })
    this.#waiting.add(giveUp)
    const answer = async () =>
      !fresh || (await this.#reaches(await this.#position())) ? { answer: await read() } : null
    try {
      return await Promise.race([lost, answer()])
    } catch (error) {
      if (!this.#options.isAway(error)) throw error
      this.#lose((error as Error).message)
      return null
    } finally {
      this.#waiting.delete(giveUp)
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.sql.end({ timeout: 1 })
  }

  #use(): void {
    if (this.#state !== 'replica' && !this.#stopping.signal.aborted)
      this.#options.say(true, 'Activity and exports are read from the replica')
    this.#state = 'replica'
  }

  #lose(reason: string): void {
    if (this.#state !== 'primary (fallback)' && !this.#stopping.signal.aborted)
      this.#options.say(
        false,
        'The replica is passed over: until it is back, everything is read from the primary',
        reason,
      )
    this.#state = 'primary (fallback)'
    for (const giveUp of this.#waiting) giveUp()
  }

  /** The end of the primary's write-ahead log. */
  async #position(): Promise<string> {
    const [row] = await this.#options.primary`select pg_current_wal_insert_lsn()::text as position`
    return String(row?.position)
  }

  /** Whether the replica has replayed the log up to `end`, now or within a second. */
  async #reaches(end: string): Promise<boolean> {
    const until = performance.now() + waitMs
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      const [row] = await this
        .sql`select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= ${end}::pg_lsn as reached`
      if (row?.reached) return true
      if (performance.now() > until) return false
      await sleep(pauseMs)
    }
  }

  /** @returns why the replica cannot be used; null: it can */
  async #problem(): Promise<string | null> {
    const now = await this.#position()
    const [row] = await this.sql`select pg_is_in_recovery() as standby`
    if (!row?.standby) return 'it is no standby of the database'
    if (!(await isMigrated(this.sql))) return 'its tables are those of another version'
    if (!(await this.#reaches(this.#required ?? now))) return 'it is too far behind'
    this.#required = now
    return null
  }

  async #check(): Promise<void> {
    const late = sleep(2 * waitMs, 'it does not answer', { ref: false })
    const problem = await Promise.race([this.#problem(), late]).catch((error: Error) => error.message)
    if (problem === null) this.#use()
    else this.#lose(problem)
  }

  async #keepChecking(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await sleep(checkMs, undefined, { ref: false, signal }).catch(() => {})
      if (!signal.aborted) await this.#check()
    }
  }
}
