// The pool of connections to PostgreSQL: every statement is answered or refused within a bounded time, whatever the
// server or the network does, and a lost connection is replaced by a fresh one.
import type { Sql } from 'postgres'
import { type Connection, connectionError, openConnection, sessionLimits } from './connection.ts'

/** Where statements of one project are issued: a pool, or the connection of a transaction. */
export interface ProjectSql {
  readonly options: Sql['options']
  /** Statements that see the rows of this project alone. */
  of(projectId: string): Sql
}

/** A pool; what it issues by itself belongs to no project. */
export type Pool = Sql &
  ProjectSql & {
    /**
     * Runs `work` in a transaction. In: what follows "begin" (may be empty), whose rows it sees (null: it belongs to no
     * project), and the work, on the one connection that it has.
     */
    transaction<T>(
      mode: string,
      projectId: string | null,
      work: (sql: Sql & ProjectSql) => Promise<T>,
    ): Promise<T>
    readonly depth: () => PoolDepth
  }

export interface PoolOptions {
  readonly connections?: number
  /** How the connections name themselves in pg_stat_activity. */
  readonly name?: string
  /** Milliseconds that a statement or transaction may wait for a connection. */
  readonly waitMs?: number
  /**
   * Milliseconds that a statement may wait for its answer before the connection is given up, which is longer than the
   * server lets it run (five seconds); null: for ever.
   */
  readonly answerMs?: number | null
  /** Whether the URL leads to a pooler in transaction mode, such as PgBouncer. */
  readonly pooled?: boolean
  /** Told how many seconds a statement or transaction waited for a connection, where it had to wait. */
  readonly waited?: (seconds: number) => void
  /** Told of each statement as it is asked, by its text without its parameters. Out: told how it ended. */
  readonly watch?: Watch | undefined
}

type Watch = (text: string) => (error?: unknown) => void

/** What a pool does at this moment. */
export interface PoolDepth {
  readonly open: number
  readonly busy: number
  readonly limit: number
  /** Statements and transactions that wait for a connection. */
  readonly waiting: number
}

interface Place {
  readonly connection: Connection
  /** The connection as its transactions have it, one after another: the same value, so that what is built on it is kept. */
  readonly sql: Sql & ProjectSql
  readonly renewAt: number
  /** Statements and transactions that have it now. */
  load: number
  /** Whether a transaction has it, and so takes no other. */
  alone: boolean
  /** What failed in the transaction that has it, and so fails it. */
  readonly failures: unknown[]
}

interface Waiting {
  readonly alone: boolean
  readonly start: (place: Place) => void
  readonly refuse: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** What a query builder and our own statements use of postgres.js; `values()` asks for rows as arrays. */
type Issue = (sql: Sql) => PromiseLike<unknown> & { values(): PromiseLike<unknown> }
type Run = (ask: (sql: Sql) => PromiseLike<unknown>) => Promise<unknown>

/** Statements that may be on their way on one connection when all connections are busy. */
const pipelined = 32

/** Connections are renewed after half an hour, give or take, so that they follow the server when it moves. */
const lifetimeMs = () => 30 * 60_000 * (0.8 + Math.random() * 0.4)

/** The same limits for one transaction alone, in the round trip that begins it. */
const transactionLimits = Object.entries(sessionLimits)
  .map(([setting, milliseconds]) => `; set local ${setting} = ${milliseconds}`)
  .join('')

/** Opens a pool; it connects at the first statement. */
export function openPool(
  url: string,
  {
    connections = 10,
    name = 'sallyport',
    waitMs = 3000,
    answerMs = 6000,
    pooled = false,
    waited,
    watch,
  }: PoolOptions = {},
): Pool {
  const types = { parsers: {}, serializers: {} }
  const places = new Set<Place>()
  const waiting: Waiting[] = []
  let ending: Promise<void> | undefined
  let emptied = () => {}

  /** The place with least to do, a new one rather than a busy one; null when none can take more. */
  function pick(): Place | null {
    const now = performance.now()
    let best: Place | null = null
    for (const place of places) {
      if (place.connection.lost || (place.load === 0 && now >= place.renewAt)) {
        places.delete(place)
        void place.connection.close()
      } else if (!place.alone && now < place.renewAt && place.load < (best?.load ?? pipelined)) best = place
    }
    if (best?.load === 0 || places.size >= connections) return best
    const place = newPlace(openConnection(url, { name, answerMs, pooled, types }), now + lifetimeMs())
    places.add(place)
    return place
  }

  function newPlace(connection: Connection, renewAt: number): Place {
    const run: Run = (ask) =>
      connection.run(ask).catch((error) => {
        place.failures.push(error)
        throw error
      })
    const sql = Object.assign(
      facade((issue) => statement(run, issue), watch),
      { options: types, of: () => sql },
    ) as unknown as Sql & ProjectSql
    const place: Place = { connection, sql, renewAt, load: 0, alone: false, failures: [] }
    return place
  }

  function take(place: Place, alone: boolean): Place {
    place.load++
    place.alone = alone
    return place
  }

  async function acquire(alone: boolean): Promise<Place> {
    if (ending) throw connectionError('CONNECTION_ENDED', 'The pool is closed.')
    const place = waiting.length === 0 ? pick() : null
    if (place) return take(place, alone)
    const since = performance.now()
    return new Promise<Place>((start, refuse) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(entry), 1)
        refuse(connectionError('CONNECT_TIMEOUT', 'No connection to the database became free in time.'))
      }, waitMs)
      const entry: Waiting = { alone, start, refuse, timer }
      waiting.push(entry)
    }).finally(() => waited?.((performance.now() - since) / 1000))
  }

  function release(place: Place, alone: boolean): void {
    place.load--
    if (alone) place.alone = false
    if (place.load === 0 && (ending || performance.now() >= place.renewAt)) {
      places.delete(place)
      void place.connection.close()
    }
    if (places.size === 0) emptied()
    while (waiting[0]) {
      const free = pick()
      const next = free && waiting.shift()
      if (!next) return
      clearTimeout(next.timer)
      next.start(take(free, next.alone))
    }
  }

  /** Hands a connection to `work`: alone for a transaction, which comes after the statements already on their way. */
  async function use<T>(alone: boolean, work: (place: Place) => Promise<T>): Promise<T> {
    const place = await acquire(alone)
    try {
      return await work(place)
    } finally {
      release(place, alone)
    }
  }

  /**
   * A transaction as postgres.js has it: a statement that failed in it fails it, even if the work took no notice.
   * `mode` is what follows "begin".
   */
  const transact = <T>(mode: string, work: (sql: Sql & ProjectSql) => Promise<T>): Promise<T> =>
    use(true, async ({ connection, sql, failures }) => {
      failures.length = 0
      await connection.run((raw) => raw.unsafe(`begin ${mode}${pooled ? transactionLimits : ''}`))
      try {
        const result = await work(sql)
        if (failures.length > 0) throw failures[0]
        await connection.run((raw) => raw.unsafe('commit'))
        return result
      } catch (error) {
        // Where that fails too, the connection goes, and the server rolls back by itself.
        await connection.run((raw) => raw.unsafe('rollback')).catch(() => connection.close())
        throw error
      }
    })

  type Begin = [work: (sql: Sql) => Promise<unknown>] | [mode: string, work: (sql: Sql) => Promise<unknown>]
  const begin = (...words: Begin) => (words.length === 1 ? transact('', words[0]) : transact(...words))

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

  const single = (issue: Issue) =>
    statement((ask) => use(false, ({ connection }) => connection.run(ask)), issue)
  const pool = Object.assign(facade(single, watch), {
    begin,
    end,
    depth,
    options: types,
    of: () => pool,
    transaction: <T>(mode: string, _projectId: string | null, work: (sql: Sql & ProjectSql) => Promise<T>) =>
      transact(mode, work),
  }) as unknown as Pool
  return pool
}

/** Runs once the caller's turn is over: until then it may ask for `values()`. */
function statement(run: Run, issue: Issue) {
  let asValues = false
  const answer = Promise.resolve().then(() => run((sql) => (asValues ? issue(sql).values() : issue(sql))))
  const values = () => {
    asValues = true
    return answer
  }
  return Object.assign(answer, { values })
}

/** The part of postgres.js that this service uses: the tagged template and `unsafe`. */
function facade(issueOne: (issue: Issue) => Promise<unknown>, watch?: Watch): Sql {
  function asked(text: string, issue: Issue) {
    if (!watch) return issueOne(issue)
    const ended = watch(text)
    const answer = issueOne(issue)
    answer.then(() => ended(), ended)
    return answer
  }
  const tagged = (strings: TemplateStringsArray, ...args: never[]) =>
    asked(strings.join('?'), (sql) => sql(strings, ...args))
  const unsafe = (...query: Parameters<Sql['unsafe']>) => asked(query[0], (sql) => sql.unsafe(...query))
  return Object.assign(tagged, { unsafe }) as unknown as Sql
}

export type { Sql }
