// The pool of connections to PostgreSQL: every statement is answered or refused within a bounded time, whatever the
// server or the network does, and a lost connection is replaced by a fresh one.
//
// A connection wears the project whose rows it may see (walls.ts), and nothing is said to the server as long as it stays
// the same. It takes another one off or on while nothing else is on its way there, and no statement is sent before the
// server has confirmed it.
import type { Sql } from 'postgres'
import { type Connection, connectionError, openConnection, sessionLimits, types } from './connection.ts'
import { everywhereSetting, projectSetting } from './walls.ts'

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
  /** The role that the connections become; default: they stay who the URL says. */
  readonly role?: string | null
  /** Whether what is issued here belongs to no project and may see every row. */
  readonly everywhere?: boolean
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

/** What a query builder and our own statements use of postgres.js; `values()` asks for rows as arrays. */
type Issue = (sql: Sql) => PromiseLike<unknown> & { values(): PromiseLike<unknown> }
/** What a connection is wanted for: a transaction has it alone. */
type Kind = 'read' | 'statement' | 'transaction'
type Run = (ask: (sql: Sql) => PromiseLike<unknown>) => Promise<unknown>

/** Statements that may be on their way on one connection when all connections are busy. */
const pipelined = 32

/**
 * Reads of one turn of the event loop that go out together on one connection: one system call, and one server process that
 * wakes up, instead of one for each. Writes never do: their commits would wait for the disk one after another.
 */
const together = 8
const isRead = (text: string) => text.startsWith('select')

/** Connections are renewed after half an hour, give or take, so that they follow the server when it moves. */
const lifetimeMs = () => 30 * 60_000 * (0.8 + Math.random() * 0.4)

/** What may be written into a statement as it is. */
const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Opens a pool; it connects at the first statement. */
export function openPool(
  url: string,
  {
    connections = 10,
    name = 'sallyport',
    waitMs = 3000,
    answerMs = 6000,
    pooled = false,
    role = null,
    everywhere = false,
    waited,
    watch,
  }: PoolOptions = {},
): Pool {
  const places = new Set<Place>()
  const waiting: Waiting[] = []
  let ending: Promise<void> | undefined
  let emptied = () => {}

  // Behind a pooler the session is not ours: there each transaction puts on what it needs and leaves nothing behind.
  const costume = { ...(role && { role }), ...(everywhere && { [everywhereSetting]: 'on' }) }
  const local = (settings: object) =>
    Object.entries(settings)
      .map(([setting, value]) => `; set local ${setting} = '${value}'`)
      .join('')
  const opening = (project: string | null) =>
    pooled ? local({ ...sessionLimits, ...costume, ...(project && { [projectSetting]: project }) }) : ''

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
    const settings = { name, answerMs, pooled, costume: pooled ? {} : costume, onSilence: forsake }
    const place = newPlace(openConnection(url, settings), now + lifetimeMs())
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

  /**
   * A transaction as postgres.js has it: a statement that failed in it fails it, even if the work took no notice.
   * `mode` is what follows "begin".
   */
  const transaction: Pool['transaction'] = (mode, project, work) =>
    use('transaction', project, async ({ connection, sql, failures }) => {
      failures.length = 0
      await connection.run((raw) => raw.unsafe(`begin ${mode}${opening(project)}`))
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
  const begin = (...words: Begin) =>
    words.length === 1 ? transaction('', null, words[0]) : transaction(words[0], null, words[1])

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

  /** A statement by itself. Behind a pooler a transaction around it, in one round trip, says what it may see. */
  const issueFor = (project: string | null, kind: 'read' | 'statement'): Run => {
    const apart = pooled && (project !== null || role !== null || everywhere)
    return (ask) =>
      use(apart ? 'transaction' : kind, project, async ({ connection }) => {
        if (!apart) return connection.run(ask)
        const [begun, answered, committed] = await Promise.allSettled([
          connection.run((raw) => raw.unsafe(`begin${opening(project)}`)),
          connection.run(ask),
          connection.run((raw) => raw.unsafe('commit')),
        ])
        for (const end of [begun, answered, committed]) if (end.status === 'rejected') throw end.reason
        return answered.status === 'fulfilled' ? answered.value : undefined
      })
  }

  function issuer(project: string | null): Sql {
    const [read, write] = [issueFor(project, 'read'), issueFor(project, 'statement')]
    return facade((issue, text) => statement(isRead(text) ? read : write, issue), watch)
  }

  /** Of the project that was asked for last: most installations have one. */
  let worn: { projectId: string; sql: Sql } | null = null
  function of(projectId: string): Sql {
    if (worn?.projectId !== projectId) {
      if (!isUuid.test(projectId)) throw new Error('This is no id of a project.')
      worn = { projectId, sql: Object.assign(issuer(projectId), { options: types }) as Sql }
    }
    return worn.sql
  }

  return Object.assign(issuer(null), {
    begin,
    end,
    depth,
    of,
    transaction,
    options: types,
  }) as unknown as Pool
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
function facade(issueOne: (issue: Issue, text: string) => Promise<unknown>, watch?: Watch): Sql {
  function asked(text: string, issue: Issue) {
    if (!watch) return issueOne(issue, text)
    const ended = watch(text)
    const answer = issueOne(issue, text)
    answer.then(() => ended(), ended)
    return answer
  }
  const tagged = (strings: TemplateStringsArray, ...args: never[]) =>
    asked(strings.join('?'), (sql) => sql(strings, ...args))
  const unsafe = (...query: Parameters<Sql['unsafe']>) => asked(query[0], (sql) => sql.unsafe(...query))
  return Object.assign(tagged, { unsafe }) as unknown as Sql
}

export type { Sql }
