// One connection to PostgreSQL, for one life: every statement is answered or refused in time, and once lost it is never
// used again.
//
// postgres.js would reconnect in place. It then writes to the lost socket (which ends the process), sends leftovers of
// the old connection on the new one, and lets the rest of a transaction run outside of it. So its own reconnecting is
// never reached here: each of its instances has one socket.
import { createConnection, type Socket } from 'node:net'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'

/**
 * How values travel, as the query builder wants them: JSON and instants as the text that it makes and reads itself. Asked of
 * it before there is any connection, for one that was opened earlier would write JSON as a string of JSON.
 */
export const types: Pick<Sql['options'], 'parsers' | 'serializers'> = { parsers: {}, serializers: {} }
drizzle({ options: types } as unknown as Sql)

export interface ConnectionSettings {
  /** How the connection names itself in pg_stat_activity. */
  readonly name: string
  /** Milliseconds after which a statement without an answer costs the connection; null: it may take for ever. */
  readonly answerMs: number | null
  /**
   * Whether a pooler in transaction mode stands between: the next statement may meet another session, so nothing is
   * prepared or set in one.
   */
  readonly pooled: boolean
  /** Settings that the session begins with, besides its limits. */
  readonly costume?: Readonly<Record<string, string>>
  /** Told of each notice on a channel that a statement listens to, before the statement that follows it is answered. */
  readonly onNotice?: (payload: string) => void
  /** Told before the connection is given up because no answer came. */
  readonly onSilence?: () => void
  /** Told once, in the moment in which the connection is lost or closed. */
  readonly onLost?: () => void
}

export interface Connection {
  /** Whether it can never answer again. */
  readonly lost: boolean
  /** Issues a statement behind those before it. @throws what the server said, or that the connection is lost */
  run<T>(issue: (sql: Sql) => PromiseLike<T>): Promise<T>
  /** Ends it in any case: taking leave of the server if that takes no more than `timeout` seconds. */
  close(timeout?: number): Promise<void>
}

/** What postgres.js hands to a socket factory. */
interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path: string | false
}

/** A refusal in the form that postgres.js gives its own; `isUnavailable` knows the codes. */
export function connectionError(
  code: 'CONNECTION_CLOSED' | 'CONNECTION_ENDED' | 'CONNECT_TIMEOUT',
  why: string,
) {
  return Object.assign(new Error(why), { code })
}

/** Counts on, so that each host of a URL that names several has its turn. */
let attempts = 0

/** Milliseconds after which the server itself ends what takes too long. */
export const sessionLimits = { statement_timeout: 5000, idle_in_transaction_session_timeout: 10_000 }

/** Prepares a connection; its first statement makes it. */
export function openConnection(url: string, settings: ConnectionSettings): Connection {
  const { name, answerMs, pooled, costume, onNotice, onSilence, onLost } = settings
  let socket: Socket | undefined
  let lost = false
  const owed = new Set<(error: Error) => void>()

  function lose(): void {
    if (lost) return
    lost = true
    socket?.destroy()
    onLost?.()
    // What postgres.js knows of the reason comes first; what it forgets (statements it had not sent) is refused here.
    setImmediate(() => {
      for (const refuse of owed) refuse(connectionError('CONNECTION_CLOSED', 'The connection was lost.'))
    })
  }

  function dial({ host, port, path }: Target): Socket {
    if (lost || socket) throw connectionError('CONNECTION_CLOSED', 'The connection was lost.')
    const at = attempts++ % host.length
    const [chosen = 'localhost', chosenPort = 5432] = [host[at], port[at]]
    socket = path ? createConnection(path) : createConnection({ host: chosen, port: chosenPort })
    socket.once('close', lose)
    // postgres.js takes the name that a certificate must bear from here.
    return Object.assign(socket, { host: chosen, port: chosenPort })
  }

  const sql = postgres(url, {
    max: 1,
    connect_timeout: 5,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => {},
    prepare: !pooled,
    // A pooler refuses to start a session with settings that it cannot keep for us.
    connection: { application_name: name, ...(pooled ? {} : sessionLimits), ...costume },
    ...{
      socket: dial,
      no_subscribe: true,
      onnotify: (_channel: string, payload: string) => lost || onNotice?.(payload),
    },
  })
  Object.assign(sql.options.parsers, types.parsers)
  Object.assign(sql.options.serializers, types.serializers)

  return {
    get lost() {
      return lost
    },
    run<T>(issue: (sql: Sql) => PromiseLike<T>) {
      return new Promise<T>((resolve, reject) => {
        if (lost) return reject(connectionError('CONNECTION_CLOSED', 'The connection was lost.'))
        // An answer that arrived while this process was busy or stopped is read before the verdict.
        const verdict = () =>
          setImmediate(() => {
            if (!owed.has(refuse)) return
            onSilence?.()
            lose()
          })
        const timer = answerMs === null ? undefined : setTimeout(verdict, answerMs)
        const settle = () => {
          owed.delete(refuse)
          clearTimeout(timer)
        }
        const refuse = (error: unknown) => {
          settle()
          // All but a refused statement: the server ends the connection, or it never came to be.
          if ((error as { severity?: unknown }).severity !== 'ERROR') lose()
          reject(error)
        }
        owed.add(refuse)
        issue(sql).then((answer) => {
          settle()
          resolve(answer)
        }, refuse)
      })
    },
    async close(timeout = 1) {
      if (!lost) await sql.end({ timeout }).catch(() => {})
      lose()
    },
  }
}
