// The places of a pool: its connections, which are opened as they are wanted, handed to statements and transactions, and
// replaced by fresh ones where they are lost or old.
//
// A connection wears the project whose rows it may see (walls.ts), and nothing is said to the server as long as it stays
// the same. It takes another one off or on while nothing else is on its way there, and no statement is sent before the
// server has confirmed it.
import type { Sql } from 'postgres'
import { type Connection, connectionError, types } from './connection.ts'
import { facade, type ProjectSql, type Run, statement, type Watch } from './statements.ts'
import { projectSetting } from './walls.ts'

export interface PlacesOptions {
  /** Opens a connection. In: what to do when it falls silent. */
  readonly connect: (onSilence: () => void) => Connection
  /** Most connections that are open. */
  readonly connections: number
  /** Milliseconds that a statement or transaction may wait for a connection. */
  readonly waitMs: number
  /** Whether they lead to a pooler in transaction mode: then they wear nothing. */
  readonly pooled: boolean
  readonly waited?: ((seconds: number) => void) | undefined
  readonly watch?: Watch | undefined
}

/** What a pool does at this moment. */
export interface PoolDepth {
  readonly open: number
  readonly busy: number
  readonly limit: number
  /** Statements and transactions that wait for a connection. */
  readonly waiting: number
}

/** A connection, and who has it. */
export interface Place {
  readonly connection: Connection
  /** The connection as its transactions have it, one after another: the same value, so that what is built on it is kept. */
  readonly sql: Sql & ProjectSql
  readonly renewAt: number
  /** Whose rows it may see; null: nobody's. */
  project: string | null
  /** Pending until the server has confirmed it; rejects, and the connection is lost, where it did not. */
  dressing: Promise<void> | null
  /** When it was last left without work, on the clock of `performance.now()`. */
  restedAt: number
  /** Statements and transactions that have it now. */
  load: number
  /** Whether a transaction has it, and so takes no other. */
  alone: boolean
  /** What failed in the transaction that has it, and so fails it. */
  readonly failures: unknown[]
}

interface Waiting {
  readonly alone: boolean
  readonly project: string | null
  readonly start: (place: Place) => void
  readonly refuse: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** What a connection is wanted for: a transaction has it alone. */
type Kind = 'read' | 'statement' | 'transaction'

/** Statements that may be on their way on one connection when all connections are busy. */
const pipelined = 32

/**
 * Reads of one turn of the event loop that go out together on one connection: one system call, and one server process that
 * wakes up, instead of one for each. Writes never do: their commits would wait for the disk one after another.
 */
const together = 8

/** Connections are renewed after half an hour, give or take, so that they follow the server when it moves. */
const lifetimeMs = () => 30 * 60_000 * (0.8 + Math.random() * 0.4)

/** Places for up to `connections` connections; none is opened before it is wanted. */
export function createPlaces({ connect, connections, waitMs, pooled, waited, watch }: PlacesOptions) {
  const places = new Set<Place>()
  const waiting: Waiting[] = []
  let ending: Promise<void> | undefined
  let emptied = () => {}

  /**
   * The place with least to do among those that wear the project; a new one, or one that rests and wears another, rather
   * than a busy one. Null when none can take more.
   */
  function pick(project: string | null): Place | null {
    const now = performance.now()
    let best: Place | null = null
    let resting: Place | null = null
    for (const place of places) {
      if (place.connection.lost || (place.load === 0 && now >= place.renewAt)) {
        places.delete(place)
        void place.connection.close()
      } else if (place.alone || now >= place.renewAt) continue
      else if (pooled || place.project === project) {
        if (place.load < (best?.load ?? pipelined)) best = place
      } else if (place.load === 0 && place.restedAt < (resting?.restedAt ?? Infinity)) resting = place
    }
    if (best?.load === 0) return best
    if (places.size >= connections) return resting ?? best
    const place = newPlace(connect(forsake), now + lifetimeMs())
    places.add(place)
    return place
  }

  /** Closes what rests: where one connection has fallen silent, its neighbours may have, and nobody would have noticed. */
  function forsake(): void {
    for (const place of places)
      if (place.load === 0) {
        places.delete(place)
        void place.connection.close(0)
      }
  }

  function newPlace(connection: Connection, renewAt: number): Place {
    const run: Run = (ask) =>
      connection.run(ask).catch((error) => {
        place.failures.push(error)
        throw error
      })
    const sql = Object.assign(
      facade((issue) => statement(run, issue), watch),
      { options: types, of },
    ) as unknown as Sql & ProjectSql
    function of(projectId: string): Sql {
      if (place.project === projectId) return sql
      throw new Error('A transaction of one project asked for the rows of another.')
    }
    const state = { project: null, dressing: null, restedAt: 0, load: 0, alone: false, failures: [] }
    const place: Place = { connection, sql, renewAt, ...state }
    return place
  }

  function take(place: Place, alone: boolean, project: string | null): Place {
    place.load++
    place.alone = alone
    if (place.project === project) return place
    place.project = project
    if (!pooled)
      place.dressing = place.connection
        .run((raw) => raw.unsafe(`set ${projectSetting} = '${project ?? ''}'`))
        .then(
          () => {
            place.dressing = null
          },
          // Nobody knows what it wears now.
          async (error) => {
            await place.connection.close(0)
            throw error
          },
        )
    return place
  }

  /** Where this turn's last read went. */
  let company: { readonly place: Place; reads: number } | null = null

  /** The place that a read shares with those of this turn, else one that others of this turn will share with it. */
  function pickForRead(project: string | null): Place | null {
    if (company) {
      const { place, reads } = company
      const isGood = places.has(place) && !place.connection.lost && !place.alone && place.project === project
      if (isGood && reads < together && place.load < pipelined) {
        company.reads++
        return place
      }
    } else
      setImmediate(() => {
        company = null
      })
    const place = pick(project)
    company = place && { place, reads: 1 }
    return place
  }

  async function acquire(kind: Kind, project: string | null): Promise<Place> {
    if (ending) throw connectionError('CONNECTION_ENDED', 'The pool is closed.')
    const choose = kind === 'read' ? pickForRead : pick
    const alone = kind === 'transaction'
    const place = waiting.length === 0 ? choose(project) : null
    if (place) return take(place, alone, project)
    const since = performance.now()
    return new Promise<Place>((start, refuse) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(entry), 1)
        refuse(connectionError('CONNECT_TIMEOUT', 'No connection to the database became free in time.'))
      }, waitMs)
      const entry: Waiting = { alone, project, start, refuse, timer }
      waiting.push(entry)
    }).finally(() => waited?.((performance.now() - since) / 1000))
  }

  function release(place: Place, alone: boolean): void {
    place.load--
    if (alone) place.alone = false
    if (place.load === 0) {
      place.restedAt = performance.now()
      if (ending || place.restedAt >= place.renewAt) {
        places.delete(place)
        void place.connection.close()
      }
    }
    if (places.size === 0) emptied()
    while (waiting[0]) {
      const free = pick(waiting[0].project)
      const next = free && waiting.shift()
      if (!next) return
      clearTimeout(next.timer)
      next.start(take(free, next.alone, next.project))
    }
  }

  /** Hands a connection to `work`: alone for a transaction, which comes after the statements already on their way. */
  async function use<T>(kind: Kind, project: string | null, work: (place: Place) => Promise<T>): Promise<T> {
    const place = await acquire(kind, project)
    try {
      if (place.dressing) await place.dressing
      return await work(place)
    } finally {
      release(place, kind === 'transaction')
    }
  }

  /** Takes no more work, waits for what is under way up to `timeout` seconds, then cuts the rest. */
  function end({ timeout = 5 }: { timeout?: number } = {}): Promise<void> {
    ending ??= (async () => {
      for (const { refuse, timer } of waiting.splice(0)) {
        clearTimeout(timer)
        refuse(connectionError('CONNECTION_ENDED', 'The pool is closed.'))
      }
      const farewells = [...places]
        .filter((place) => place.load === 0 && places.delete(place))
        .map((place) => place.connection.close())
      if (places.size > 0)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeout * 1000)
          emptied = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      await Promise.all([...farewells, ...[...places].map((place) => place.connection.close(0))])
    })()
    return ending
  }

  const depth = (): PoolDepth => ({
    open: places.size,
    busy: [...places].filter((place) => place.load > 0).length,
    limit: connections,
    waiting: waiting.length,
  })

  return { use, end, depth }
}
