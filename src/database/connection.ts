// One connection to PostgreSQL, with one socket: every statement is answered or refused in time, and a lost connection is
// never used again. Where postgres.js reconnects in place, it writes to the lost socket (which ends the process), sends
// leftovers of the old connection on the new one, and runs the rest of a transaction outside of it.
import { createConnection, type Socket } from 'node:net'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import { readDatabaseUrl } from '../database-url/read.ts'
import type { DatabaseTarget } from '../database-url/target.ts'
import { startSettings } from './session.ts'
import { encrypt } from './tls.ts'

/**
 * Parsers and serializers as Drizzle sets them: it reads and writes JSON and timestamps as text itself. Taken before the first
 * connection is opened, because one that was opened earlier would write JSON as a string of JSON.
 */
const types: Pick<Sql['options'], 'parsers' | 'serializers'> = { parsers: {}, serializers: {} }
drizzle({ options: types } as unknown as Sql)

interface ConnectionOptions {
  /** application_name in pg_stat_activity. */
  readonly name: string
  /** Milliseconds after which an unanswered statement costs the connection; null: never. */
  readonly answerMs: number | null
  /** Behind a pooler in transaction mode the next statement may meet another session: nothing is prepared or set in one. */
  readonly pooled: boolean
  /** Settings that the session begins with, besides its limits. */
  readonly settings?: Readonly<Record<string, string>>
  /** Called with each notification (LISTEN), before the statement that follows it is answered. */
  readonly onNotification?: (payload: string) => void
  /** Called before the connection is given up because no answer came. */
  readonly onTimeout?: () => void
  /** Called once, when the connection is lost or closed. */
  readonly onLost?: () => void
}

/** The argument of a socket factory of postgres.js: from the URL, or else from PGHOST and PGPORT. */
interface DriverAddress {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path: string | false
}

/** An error with a code of postgres.js; `isUnavailable` knows them. */
export function connectionError(
  code: 'CONNECTION_CLOSED' | 'CONNECTION_ENDED' | 'CONNECT_TIMEOUT',
  message: string,
) {
  return Object.assign(new Error(message), { code })
}

/**
 * The target as options of postgres.js, which takes lists of hosts and ports. For a part that is left out, it reads PGHOST, PGUSER
 * and so on.
 */
function driverOptions(target: DatabaseTarget): object {
  const { host, port, user, password, database, connectTimeoutSeconds } = target
  const socketPath = host?.startsWith('/') ? `${host}/.s.PGSQL.${port ?? 5432}` : null
  return {
    ...(socketPath !== null && { path: socketPath }),
    ...(host !== null && socketPath === null && { host: [host] }),
    ...((host !== null || port !== null) && { port: [port ?? 5432] }),
    ...(user !== null && { user }),
    ...(password !== null && { password }),
    ...(database !== null && { database }),
    connect_timeout: connectTimeoutSeconds,
  }
}

/** One connection. Its first statement opens it. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #target: DatabaseTarget
  readonly #sql: Sql
  /** What refuses each statement that has no answer yet. */
  readonly #pending = new Set<(error: Error) => void>()
  #socket: Socket | undefined
  #isLost = false

  constructor(url: string, options: ConnectionOptions) {
    this.#options = options
    this.#target = readDatabaseUrl(url)
    this.#sql = this.#openDriver()
  }

  /** Whether it is lost or closed, and answers nothing any more. */
  get lost(): boolean {
    return this.#isLost
  }

  /** Sends a statement behind those before it. @throws the server's error, or that the connection is lost */
  run<T>(query: (sql: Sql) => PromiseLike<T>): Promise<T> {
    const { answerMs, onTimeout } = this.#options
    return new Promise<T>((resolve, reject) => {
      if (this.#isLost) return reject(connectionError('CONNECTION_CLOSED', 'The connection was lost.'))
      // An answer that arrived while this process was busy or stopped is read first.
      const giveUp = () =>
        setImmediate(() => {
          if (!this.#pending.has(refuse)) return
          onTimeout?.()
          this.#lose()
        })
      const timer = answerMs === null ? undefined : setTimeout(giveUp, answerMs)
      const finish = () => {
        this.#pending.delete(refuse)
        clearTimeout(timer)
      }
      const refuse = (error: unknown) => {
        finish()
        // Any other error than a refused statement: the server ends the connection, or it was never opened.
        if ((error as { severity?: unknown }).severity !== 'ERROR') this.#lose()
        reject(error)
      }
      this.#pending.add(refuse)
      query(this.#sql).then((answer) => {
        finish()
        resolve(answer)
      }, refuse)
    })
  }

  /** Closes it: in order if that takes no more than `timeout` seconds, else abruptly. */
  async close(timeout = 1): Promise<void> {
    if (!this.#isLost) await this.#sql.end({ timeout }).catch(() => {})
    this.#lose()
  }

  #lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#socket?.destroy()
    this.#options.onLost?.()
    // postgres.js refuses first, with its reason; the statements that it had not sent and forgets are refused here.
    setImmediate(() => {
      for (const refuse of this.#pending)
        refuse(connectionError('CONNECTION_CLOSED', 'The connection was lost.'))
    })
  }

  /** The socket factory of the driver. It is called once; a second call would be a reconnect. */
  #connect({
    host: [host = 'localhost'],
    port: [port = 5432],
    path,
  }: DriverAddress): Socket | Promise<Socket> {
    if (this.#isLost || this.#socket) throw connectionError('CONNECTION_CLOSED', 'The connection was lost.')
    const { tls, connectTimeoutSeconds } = this.#target
    this.#socket = path ? createConnection(path) : createConnection({ host, port })
    this.#socket.once('close', () => this.#lose())
    return tls && !path ? encrypt(this.#socket, host, tls, connectTimeoutSeconds * 1000) : this.#socket
  }

  #openDriver(): Sql {
    const { name, pooled, settings, onNotification } = this.#options
    const target = this.#target
    const sql = postgres({
      ...driverOptions(target),
      max: 1,
      ssl: false,
      idle_timeout: 0,
      max_lifetime: null,
      fetch_types: false,
      onnotice: () => {},
      prepare: !pooled,
      connection: {
        application_name: [target.applicationName, name].filter(Boolean).join(' '),
        ...target.settings,
        ...startSettings(target.schema, pooled),
        ...settings,
      },
      ...{
        socket: (address: DriverAddress) => this.#connect(address),
        no_subscribe: true,
        onnotify: (_channel: string, payload: string) => this.#isLost || onNotification?.(payload),
      },
    })
    Object.assign(sql.options.parsers, types.parsers)
    Object.assign(sql.options.serializers, types.serializers)
    return sql
  }
}

/** A query, which is sent on the connection that it is given. */
export type Query = (sql: Sql) => PromiseLike<unknown>
/** Called with the text of each statement, without its parameters; returns a function that is called when it ended. */
export type Watch = (text: string) => (error?: unknown) => void

/** The part of postgres.js that queries use (the tagged template and `unsafe`), sent by `run`. */
export function sqlOver(run: (query: Query, text: string) => Promise<unknown>, watch?: Watch): Sql {
  function send(
    text: string,
    query: (sql: Sql) => PromiseLike<unknown> & { values(): PromiseLike<unknown> },
  ) {
    const ended = watch?.(text)
    let asValues = false
    // Sent after the caller's synchronous code, which may still ask for rows as arrays.
    const answer = Promise.resolve().then(() =>
      run((sql) => (asValues ? query(sql).values() : query(sql)), text),
    )
    if (ended) answer.then(() => ended(), ended)
    const values = () => {
      asValues = true
      return answer
    }
    return Object.assign(answer, { values })
  }
  const tagged = (strings: TemplateStringsArray, ...values: never[]) =>
    send(strings.join('?'), (sql) => sql(strings, ...values))
  const unsafe = (...query: Parameters<Sql['unsafe']>) => send(query[0], (sql) => sql.unsafe(...query))
  return Object.assign(tagged, { unsafe, options: types }) as unknown as Sql
}
