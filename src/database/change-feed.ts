// Change feed: a connection that listens (LISTEN) to what changes in the database, and knows up to when it has received
// everything. PostgreSQL signals listeners before it acknowledges a commit, and delivers their notifications before it answers
// their next statement. So an answered statement on this connection (a heartbeat) proves that every change acknowledged before
// the heartbeat was sent has been received, even if the connection has been silently cut since.
import { randomUUID } from 'node:crypto'
import { Connection } from './connection.ts'
import type { Pool } from './pool.ts'

/** The channel of the triggers; see the migration that made them. */
const channel = 'sallyport_changes'

/** A heartbeat is sent when one is needed and the last answered one is older than this. */
const heartbeatMs = 15
/** For this long after an answered heartbeat was sent, the feed counts as complete. */
export const validityMs = 75
/** An unanswered heartbeat costs the connection after this. */
const answerMs = 1000
/** Milliseconds within which a test notification must arrive. */
const deliveryTestMs = 2000
/** Pause before a reconnect; doubles after each failed delivery test, up to the maximum. */
const reconnectMs = 500
const maxReconnectMs = 30_000
/** Age at which the connection is replaced, as the pool's are, so that it follows the server when it moves. */
const lifetimeMs = 30 * 60_000

export interface ChangeListener {
  user(id: number): void
  project(id: string): void
  /** A signing key changed or was revoked. */
  keys?(): void
  /** Anything may have changed: tables were truncated, or notifications were missed. */
  everything(): void
}

interface ChangeFeedOptions {
  readonly url: string
  /** The pool of all other statements; it must lead to the same server and database. */
  readonly pool: Pool
  /** Called with a sentence when the feed connects or is lost. */
  readonly say: (isConnected: boolean, sentence: string, error?: unknown) => void
}

const sentences = {
  connected: 'The database tells what changes: sessions and keys are cached while it does',
  lost: 'The connection that hears what changes was lost: until there is another, every request asks the database',
  undelivered:
    'What changes does not arrive on a connection of its own, as behind a pooler in transaction mode: every request asks the database',
}

/** The feed of one process. A lost connection is replaced; until the new one has passed the delivery test, the feed is not current. */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions
  readonly #listeners: ChangeListener[] = []
  readonly #opened: Promise<void>
  #connection: Connection | undefined
  /** Whether notifications are known to arrive on the present connection. */
  #isConnected = false
  #renewAt = 0
  /** When the last answered heartbeat, and the last one at all, were sent. */
  #answeredAt = Number.NEGATIVE_INFINITY
  #sentAt = Number.NEGATIVE_INFINITY
  #heartbeat: Promise<void> | null = null
  #nextHeartbeat: Promise<void> | null = null
  #reconnecting: NodeJS.Timeout | undefined
  /** Delivery tests that failed in a row. */
  #failedTests = 0
  #isClosed = false
  #reported: keyof typeof sentences | undefined
  /** The delivery test in progress. */
  #test: { readonly payload: string; readonly arrived: () => void } | null = null

  /** Connects. */
  constructor(options: ChangeFeedOptions) {
    this.#options = options
    this.#opened = this.#open()
  }

  /** Whether every change acknowledged `validityMs` ago or earlier has been received. Heartbeats are sent only while it is called. */
  isCurrent(): boolean {
    if (!this.#isConnected) return false
    const now = performance.now()
    if (now - this.#answeredAt >= heartbeatMs && !this.#heartbeat) void this.#sendHeartbeat()
    return now - this.#answeredAt < validityMs
  }

  /**
   * Resolves when no caller of `isCurrent` can still rely on a state older than this call: at once without a recent heartbeat,
   * else with the next one, and at the latest when its validity ends.
   */
  async awaitDelivery(): Promise<void> {
    const left = this.#sentAt + validityMs - performance.now()
    if (!this.#isConnected || left <= 0) return
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.ceil(left) + 1)
    })
    await Promise.race([this.#nextAnswer(), expired])
    clearTimeout(timer)
  }

  /** Resolves when every change committed before the call has been received; false: the feed is not connected. */
  async flush(): Promise<boolean> {
    await this.#opened
    await this.#nextAnswer()
    return this.#isConnected
  }

  subscribe(listener: ChangeListener): void {
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#reconnecting)
    await this.#connection?.close(0)
  }

  #receive(payload: string): void {
    if (payload === this.#test?.payload) this.#test.arrived()
    const [kind, id = ''] = payload.split(' ', 2)
    // Test of another instance. An unknown payload may mean anything.
    if (kind === 'trial') return
    for (const listener of this.#listeners)
      if (kind === 'user') listener.user(Number(id))
      else if (kind === 'project') listener.project(id)
      else if (kind === 'keys') listener.keys?.()
      else listener.everything()
  }

  #report(state: keyof typeof sentences, error?: unknown): void {
    if (state === this.#reported || this.#isClosed) return
    this.#reported = state
    this.#options.say(state === 'connected', sentences[state], error)
  }

  /** Changes may have been missed: caches must start anew. */
  #invalidate(): void {
    this.#isConnected = false
    this.#answeredAt = Number.NEGATIVE_INFINITY
    for (const listener of this.#listeners) listener.everything()
  }

  #lose(lost: Connection): void {
    if (this.#connection !== lost || !this.#isConnected) return
    this.#invalidate()
    this.#report('lost')
    this.#reconnect(reconnectMs)
  }

  #reconnect(afterMs: number): void {
    clearTimeout(this.#reconnecting)
    if (!this.#isClosed) this.#reconnecting = setTimeout(() => void this.#open(), afterMs).unref()
  }

  async #open(): Promise<void> {
    if (this.#isClosed) return
    const opening: Connection = new Connection(this.#options.url, {
      name: 'sallyport notices',
      answerMs,
      pooled: false,
      onNotification: (payload) => this.#receive(payload),
      onLost: () => this.#lose(opening),
    })
    this.#connection = opening
    try {
      await opening.run((sql) => sql.unsafe(`listen ${channel}`))
      const isArrived = await this.#isDelivered()
      if (opening.lost) throw new Error('The listening connection was lost.')
      if (!isArrived) {
        this.#report('undelivered')
        this.#reconnect(Math.min(reconnectMs * 2 ** this.#failedTests++, maxReconnectMs))
        await opening.close()
        return
      }
      this.#invalidate()
      this.#isConnected = true
      this.#failedTests = 0
      this.#renewAt = performance.now() + lifetimeMs
      this.#report('connected')
    } catch (error) {
      this.#report('lost', error)
      this.#reconnect(reconnectMs)
      await opening.close(0)
    }
  }

  /** The delivery test: sends a notification through the pool, as every change does, and waits until it arrives here. */
  async #isDelivered(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    try {
      const payload = `trial ${randomUUID()}`
      const arrived = new Promise<boolean>((resolve) => {
        this.#test = { payload, arrived: () => resolve(true) }
        timer = setTimeout(resolve, deliveryTestMs, false)
      })
      await this.#options.pool`select pg_notify(${channel}, ${payload})`
      return await arrived
    } finally {
      clearTimeout(timer)
      this.#test = null
    }
  }

  #sendHeartbeat(): Promise<void> {
    const on = this.#connection
    if (!on || !this.#isConnected) return Promise.resolve()
    const sent = performance.now()
    if (sent >= this.#renewAt) {
      this.#invalidate()
      this.#reconnect(0)
      void on.close()
      return Promise.resolve()
    }
    this.#sentAt = sent
    const answer = on
      .run((sql) => sql.unsafe('select 1'))
      .then(
        () => {
          if (this.#connection === on) this.#answeredAt = sent
        },
        () => {},
      )
    const mine = answer.then(() => {
      if (this.#heartbeat === mine) this.#heartbeat = null
    })
    this.#heartbeat = mine
    return mine
  }

  /** Resolves with the answer to a heartbeat that is sent after the call; callers of one moment share it. */
  #nextAnswer(): Promise<void> {
    if (!this.#heartbeat) return this.#sendHeartbeat()
    this.#nextHeartbeat ??= this.#heartbeat.then(() => {
      this.#nextHeartbeat = null
      return this.#heartbeat ?? this.#sendHeartbeat()
    })
    return this.#nextHeartbeat
  }
}
