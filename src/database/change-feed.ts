// Change feed: a connection that listens (LISTEN) to what changes in the database, and knows up to when it has received
// everything. PostgreSQL signals listeners before it acknowledges a commit, and delivers their notifications before it answers
// their next statement. So an answered statement on this connection (a heartbeat) proves that every change acknowledged before
// the heartbeat was sent has been received, even if the connection has been silently cut since.
import { randomUUID } from 'node:crypto'
import { type Connection, openConnection } from './connection.ts'
import type { Pool } from './pool.ts'

/** The channel of the triggers; see the migration that made them. */
const channel = 'sallyport_changes'

/** A heartbeat is sent when one is needed and the last answered one is older than this. */
const heartbeatMs = 15
/** For this long after an answered heartbeat was sent, the feed counts as complete. */
export const validityMs = 75
/** An unanswered heartbeat costs the connection after this. */
const answerMs = 1000
/** Longest way of a test notification from the pool to the listening connection. */
const deliveryTestMs = 2000
/** Pause before a reconnect; doubles after each failed delivery test, up to the maximum. */
const reconnectMs = 500
const maxReconnectMs = 30_000
/** Replaced as the pool's connections are, so that it follows the server when it moves. */
const lifetimeMs = 30 * 60_000

export interface ChangeListener {
  user(id: number): void
  project(id: string): void
  /** A signing key changed or was revoked. */
  keys?(): void
  /** Anything may have changed: tables were truncated, or notifications were missed. */
  everything(): void
}

export interface ChangeFeed {
  /** Whether every change acknowledged `validityMs` ago or earlier has been received. Heartbeats are sent only while it is called. */
  isCurrent(): boolean
  /**
   * Resolves when no caller of `isCurrent` can still rely on a state older than this call: at once without a recent heartbeat,
   * else with the next one, and at the latest when its validity ends.
   */
  awaitDelivery(): Promise<void>
  /** Resolves when every change committed before the call has been received; false: the feed is not connected. */
  flush(): Promise<boolean>
  subscribe(listener: ChangeListener): void
  close(): Promise<void>
}

export interface ChangeFeedOptions {
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

/** Connects. A lost connection is replaced; until the new one has passed the delivery test, the feed is not current. */
export function openChangeFeed({ url, pool, say }: ChangeFeedOptions): ChangeFeed {
  const listeners: ChangeListener[] = []
  let connection: Connection | undefined
  /** Whether notifications are known to arrive on the present connection. */
  let isConnected = false
  let renewAt = 0
  /** When the last answered heartbeat, and the last one at all, were sent. */
  let answeredAt = Number.NEGATIVE_INFINITY
  let sentAt = Number.NEGATIVE_INFINITY
  let heartbeat: Promise<void> | null = null
  let nextHeartbeat: Promise<void> | null = null
  let reconnecting: NodeJS.Timeout | undefined
  /** Delivery tests that failed in a row. */
  let failedTests = 0
  let closed = false
  let reported: keyof typeof sentences | undefined
  /** The delivery test in progress. */
  let test: { readonly payload: string; readonly arrived: () => void } | null = null

  function receive(payload: string): void {
    if (payload === test?.payload) test.arrived()
    const [kind, id = ''] = payload.split(' ', 2)
    // Test of another instance. An unknown payload may mean anything.
    if (kind === 'trial') return
    for (const listener of listeners)
      if (kind === 'user') listener.user(Number(id))
      else if (kind === 'project') listener.project(id)
      else if (kind === 'keys') listener.keys?.()
      else listener.everything()
  }

  function report(state: keyof typeof sentences, error?: unknown): void {
    if (state === reported || closed) return
    reported = state
    say(state === 'connected', sentences[state], error)
  }

  /** Changes may have been missed: caches must start anew. */
  function invalidate(): void {
    isConnected = false
    answeredAt = Number.NEGATIVE_INFINITY
    for (const listener of listeners) listener.everything()
  }

  function lose(lost: Connection): void {
    if (connection !== lost || !isConnected) return
    invalidate()
    report('lost')
    reconnect(reconnectMs)
  }

  function reconnect(afterMs: number): void {
    clearTimeout(reconnecting)
    if (!closed) reconnecting = setTimeout(() => void open(), afterMs).unref()
  }

  /** Sends a notification through the pool, as every change does, and waits until it arrives here. */
  async function isDelivered(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    try {
      const payload = `trial ${randomUUID()}`
      const arrived = new Promise<boolean>((resolve) => {
        test = { payload, arrived: () => resolve(true) }
        timer = setTimeout(resolve, deliveryTestMs, false)
      })
      await pool`select pg_notify(${channel}, ${payload})`
      return await arrived
    } finally {
      clearTimeout(timer)
      test = null
    }
  }

  async function open(): Promise<void> {
    if (closed) return
    const opening: Connection = openConnection(url, {
      name: 'sallyport notices',
      answerMs,
      pooled: false,
      onNotification: receive,
      onLost: () => lose(opening),
    })
    connection = opening
    try {
      await opening.run((sql) => sql.unsafe(`listen ${channel}`))
      const isArrived = await isDelivered()
      if (opening.lost) throw new Error('The listening connection was lost.')
      if (!isArrived) {
        report('undelivered')
        reconnect(Math.min(reconnectMs * 2 ** failedTests++, maxReconnectMs))
        await opening.close()
        return
      }
      invalidate()
      isConnected = true
      failedTests = 0
      renewAt = performance.now() + lifetimeMs
      report('connected')
    } catch (error) {
      report('lost', error)
      reconnect(reconnectMs)
      await opening.close(0)
    }
  }

  function sendHeartbeat(): Promise<void> {
    const on = connection
    if (!on || !isConnected) return Promise.resolve()
    const sent = performance.now()
    if (sent >= renewAt) {
      invalidate()
      reconnect(0)
      void on.close()
      return Promise.resolve()
    }
    sentAt = sent
    const answer = on
      .run((sql) => sql.unsafe('select 1'))
      .then(
        () => {
          if (connection === on) answeredAt = sent
        },
        () => {},
      )
    const mine = answer.then(() => {
      if (heartbeat === mine) heartbeat = null
    })
    heartbeat = mine
    return mine
  }

  /** Resolves with the answer to a heartbeat that is sent after the call; callers of one moment share it. */
  function nextAnswer(): Promise<void> {
    if (!heartbeat) return sendHeartbeat()
    nextHeartbeat ??= heartbeat.then(() => {
      nextHeartbeat = null
      return heartbeat ?? sendHeartbeat()
    })
    return nextHeartbeat
  }

  const opened = open()
  return {
    isCurrent() {
      if (!isConnected) return false
      const now = performance.now()
      if (now - answeredAt >= heartbeatMs && !heartbeat) void sendHeartbeat()
      return now - answeredAt < validityMs
    },
    async awaitDelivery() {
      const left = sentAt + validityMs - performance.now()
      if (!isConnected || left <= 0) return
      let timer: NodeJS.Timeout | undefined
      const expired = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, Math.ceil(left) + 1)
      })
      await Promise.race([nextAnswer(), expired])
      clearTimeout(timer)
    },
    async flush() {
      await opened
      await nextAnswer()
      return isConnected
    },
    subscribe: (listener) => void listeners.push(listener),
    async close() {
      closed = true
      clearTimeout(reconnecting)
      await connection?.close(0)
    },
  }
}
