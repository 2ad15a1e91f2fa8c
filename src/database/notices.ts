// Hears at once what changed in the database: a connection of its own that listens, and a measure of how much of what
// was committed it is sure to have heard.
//
// PostgreSQL signals whoever listens before it acknowledges a commit, and hands over what they have not heard before it
// answers their next statement. So a statement on the listening connection that is answered (a beat) proves that every
// change which was acknowledged before the beat was sent has been heard, also where the connection was silently cut since.
import { randomUUID } from 'node:crypto'
import { type Connection, openConnection } from './connection.ts'
import type { Pool } from './pool.ts'

/** The channel of the triggers; see the migration that made them. */
const channel = 'sallyport_changes'

/** A beat is sent when one is needed and the last one is older than this. */
const beatMs = 15
/** For this long after an answered beat was sent, what was heard counts as all there is to hear. */
const leaseMs = 75
/** A beat that is not answered within this costs the connection. */
const answerMs = 1000
/** How long our own notice may take from the pool to the listening connection. */
const trialMs = 2000
/** From a lost connection to the next attempt; after a trial that failed, twice as long each time up to the latter. */
const againMs = 500
const muchLaterMs = 30_000
/** As the pool's connections, so that it follows the server when it moves. */
const lifetimeMs = 30 * 60_000

export interface NoticeListener {
  user(id: number): void
  project(id: string): void
  /** Anything may have changed: the tables were emptied, or nobody listened for a while. */
  everything(): void
}

export interface Notices {
  /**
   * Whether every change that was acknowledged `leaseMs` ago or earlier has been heard. Asking keeps the beats going; nobody
   * asks, none is sent.
   */
  isCurrent(): boolean
  /**
   * Resolves when nothing that was committed before the call is unheard by whom `isCurrent` told that they may trust what
   * they heard: at once where nobody was told so lately, else with the next beat, and at the latest with the lease.
   */
  settle(): Promise<void>
  /** Resolves when whatever was committed before the call has been heard; false: nobody listens. */
  catchUp(): Promise<boolean>
  subscribe(listener: NoticeListener): void
  close(): Promise<void>
}

export interface NoticesOptions {
  readonly url: string
  /** Where everybody else's statements run; it must lead to the same server and database. */
  readonly pool: Pool
  /** Told in words when it changes whether notices arrive. */
  readonly say: (heard: boolean, words: string, error?: unknown) => void
}

const words = {
  heard: 'The database tells what changes: sessions and keys are remembered while it does',
  lost: 'The connection that hears what changes was lost: until there is another, every request asks the database',
  unheard:
    'What changes does not arrive on a connection of its own, as behind a pooler in transaction mode: every request asks the database',
}

/** Begins to listen. A lost connection is replaced; until then, and until it has been tried, nothing is current. */
export function openNotices({ url, pool, say }: NoticesOptions): Notices {
  const listeners: NoticeListener[] = []
  let connection: Connection | undefined
  /** Whether notices are known to arrive on the connection of now. */
  let hearing = false
  let renewAt = 0
  /** When the last beat that was answered, and the last one at all, were sent. */
  let answeredAt = Number.NEGATIVE_INFINITY
  let sentAt = Number.NEGATIVE_INFINITY
  let beating: Promise<void> | null = null
  let nextBeat: Promise<void> | null = null
  let retry: NodeJS.Timeout | undefined
  /** Trials in a row that failed. */
  let unheard = 0
  let closed = false
  let told: keyof typeof words | undefined
  /** The trial that is under way, by the text it waits for. */
  let trial: { readonly text: string; readonly heard: () => void } | null = null

  function hear(payload: string): void {
    if (payload === trial?.text) trial.heard()
    const [kind, id = ''] = payload.split(' ', 2)
    // Instances that start tell each other's trials apart; what nobody knows may be anything.
    if (kind === 'trial') return
    for (const listener of listeners)
      if (kind === 'user') listener.user(Number(id))
      else if (kind === 'project') listener.project(id)
      else listener.everything()
  }

  function tell(state: keyof typeof words, error?: unknown): void {
    if (state === told || closed) return
    told = state
    say(state === 'heard', words[state], error)
  }

  /** Whatever was heard so far no longer is all there was. */
  function doubt(): void {
    hearing = false
    answeredAt = Number.NEGATIVE_INFINITY
    for (const listener of listeners) listener.everything()
  }

  function lose(lost: Connection): void {
    if (connection !== lost || !hearing) return
    doubt()
    tell('lost')
    again(againMs)
  }

  function again(afterMs: number): void {
    clearTimeout(retry)
    if (!closed) retry = setTimeout(() => void open(), afterMs).unref()
  }

  /** Tells ourselves something the way every change is told, and waits until it arrives. */
  async function isHeard(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    try {
      const text = `trial ${randomUUID()}`
      const arrived = new Promise<boolean>((resolve) => {
        trial = { text, heard: () => resolve(true) }
        timer = setTimeout(resolve, trialMs, false)
      })
      await pool`select pg_notify(${channel}, ${text})`
      return await arrived
    } finally {
      clearTimeout(timer)
      trial = null
    }
  }

  /** Out: whether notices arrive. */
  async function open(): Promise<boolean> {
    if (closed) return false
    const opening: Connection = openConnection(url, {
      name: 'sallyport notices',
      answerMs,
      pooled: false,
      onNotice: hear,
      onLost: () => lose(opening),
    })
    connection = opening
    try {
      await opening.run((sql) => sql.unsafe(`listen ${channel}`))
      const heard = await isHeard()
      if (opening.lost) throw new Error('The listening connection was lost.')
      if (!heard) {
        tell('unheard')
        again(Math.min(againMs * 2 ** unheard++, muchLaterMs))
        await opening.close()
        return false
      }
      // What was read before we listened may be older than what we were not told.
      doubt()
      hearing = true
      unheard = 0
      renewAt = performance.now() + lifetimeMs
      tell('heard')
      return true
    } catch (error) {
      tell('lost', error)
      again(againMs)
      await opening.close(0)
      return false
    }
  }

  function beat(): Promise<void> {
    const on = connection
    if (!on || !hearing) return Promise.resolve()
    const sent = performance.now()
    if (sent >= renewAt) {
      doubt()
      again(0)
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
      if (beating === mine) beating = null
    })
    beating = mine
    return mine
  }

  /** A beat that is sent from now on; who asks at the same time shares it. */
  function beatFromNow(): Promise<void> {
    if (!beating) return beat()
    nextBeat ??= beating.then(() => {
      nextBeat = null
      return beating ?? beat()
    })
    return nextBeat
  }

  const opened = open()
  return {
    isCurrent() {
      if (!hearing) return false
      const now = performance.now()
      if (now - answeredAt >= beatMs && !beating) void beat()
      return now - answeredAt < leaseMs
    },
    async settle() {
      const left = sentAt + leaseMs - performance.now()
      if (!hearing || left <= 0) return
      let timer: NodeJS.Timeout | undefined
      const lapsed = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, Math.ceil(left) + 1)
      })
      await Promise.race([beatFromNow(), lapsed])
      clearTimeout(timer)
    },
    async catchUp() {
      await opened
      await beatFromNow()
      return hearing
    },
    subscribe: (listener) => void listeners.push(listener),
    async close() {
      closed = true
      clearTimeout(retry)
      await connection?.close(0)
    },
  }
}
