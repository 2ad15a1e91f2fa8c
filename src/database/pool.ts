// The pool of connections to PostgreSQL: every statement is answered or refused within a bounded time, and sees the rows of
// the project that it names alone (row-level-security.ts). A session holds the project as a setting, sent when it changes.
// Behind a pooler in transaction mode every transaction sends its settings itself: see `inOwnTransaction`.
import type { Sql } from 'postgres'
import { readDatabaseUrl } from '../database-url/read.ts'
import { isUuid } from '../formats.ts'
import { Connection, type Query, sqlOver, type Watch } from './connection.ts'
import { Connections, type Depth, type ProjectSql } from './connections.ts'
import { projectSetting, unscopedSetting } from './row-level-security.ts'
import { isolation, setLocal, transactionSettings } from './session.ts'

export type { ProjectSql, Sql }

/** A pool. Statements issued on it directly belong to no project. */
export type Pool = Sql &
  ProjectSql & {
    /**
     * Runs `work` in a transaction on one connection. A statement that failed in it fails it, even if `work` caught the error.
     * @param mode follows "begin", such as "isolation level repeatable read"; may be empty
     * @param projectId the project whose rows it sees; null: none
     */
    transaction<T>(
      mode: string,
      projectId: string | null,
      work: (sql: Sql & ProjectSql) => Promise<T>,
    ): Promise<T>
    depth(): Depth
  }

const defaults = {
  /** Most connections that are open. */
  connections: 10,
  /** application_name in pg_stat_activity. */
  name: 'sallyport',
  /** Milliseconds that a statement or transaction may wait for a connection. */
  waitMs: 3000,
  /** Milliseconds until an unanswered statement costs the connection, longer than statement_timeout; null: for ever. */
  answerMs: 6000 as number | null,
  /** Whether the URL leads to a pooler in transaction mode, such as PgBouncer. */
  pooled: false,
  /** The role that the connections take (SET ROLE); null: the one of the URL. */
  role: null as string | null,
  /** Whether the statements belong to no project and may see every row. */
  unscoped: false,
  /** Called with the seconds that a statement or transaction waited for a connection, if it had to. */
  waited: undefined as ((seconds: number) => void) | undefined,
  /** Called with the text of each statement, without its parameters; returns a function that is called when it ended. */
  watch: undefined as Watch | undefined,
}

export type PoolOptions = Partial<Readonly<typeof defaults>>

/**
 * A statement in a transaction of its own that begins with its settings, in one round trip: for a pooler, where the session
 * is another one each time. Elsewhere it would cost 41 % of the authenticated requests per second (docs/decisions.md).
 */
async function inOwnTransaction(connection: Connection, begin: string, query: Query): Promise<unknown> {
  const sent = [
    connection.run((raw) => raw.unsafe(begin)),
    connection.run(query),
    connection.run((raw) => raw.unsafe('commit')),
  ]
  await Promise.allSettled(sent)
  const [, answer] = await Promise.all(sent)
  return answer
}

/** Opens a pool; it connects at the first statement. */
export function openPool(url: string, given: PoolOptions = {}): Pool {
  const options = { ...defaults, ...given }
  const { name, answerMs, pooled, role, unscoped, watch } = options
  const settings = { ...(role && { role }), ...(unscoped && { [unscopedSetting]: 'on' }) }
  const open = (onTimeout: () => void) =>
    new Connection(url, { name, answerMs, pooled, settings: pooled ? {} : settings, onTimeout })
  const connections = new Connections({ ...options, open })
  const sessionProject = (project: string | null) => (pooled ? null : project)
  const { schema } = readDatabaseUrl(url)
  const begin = (mode: string, project: string | null) => {
    if (!pooled) return `begin ${mode}`
    const local = {
      ...transactionSettings(schema),
      ...settings,
      ...(project && { [projectSetting]: project }),
    }
    return `begin ${mode || `isolation level ${isolation.default_transaction_isolation}`}${setLocal(local)}`
  }

  const transaction: Pool['transaction'] = (mode, project, work) =>
    connections.use('transaction', sessionProject(project), async (member) => {
      const { connection, sql } = member
      Object.assign(member, { transactionProject: project, failure: null })
      await connection.run((raw) => raw.unsafe(begin(mode, project)))
      try {
        const result = await work(sql)
        if (member.failure) throw member.failure
        await connection.run((raw) => raw.unsafe('commit'))
        return result
      } catch (error) {
        // Where that fails too, the connection goes, and the server rolls back by itself.
        await connection.run((raw) => raw.unsafe('rollback')).catch(() => connection.close())
        throw error
      }
    })

  function statementsOf(project: string | null): Sql {
    const run = (query: Query, text: string) => {
      const kind = pooled ? 'transaction' : text.startsWith('select') ? 'read' : 'write'
      return connections.use(kind, sessionProject(project), ({ connection }) =>
        pooled ? inOwnTransaction(connection, begin('', project), query) : connection.run(query),
      )
    }
    return sqlOver(run, watch)
  }

  /** Of the project that was asked for last: most installations have one. */
  let last: { projectId: string; sql: Sql } | null = null
  return Object.assign(statementsOf(null), {
    transaction,
    end: (how?: { timeout?: number }) => connections.end(how),
    depth: () => connections.depth(),
    of(projectId: string): Sql {
      if (last?.projectId !== projectId) {
        // It is written into statements as it is.
        if (!isUuid(projectId)) throw new Error('This is no id of a project.')
        last = { projectId, sql: statementsOf(projectId) }
      }
      return last.sql
    },
  }) as unknown as Pool
}
