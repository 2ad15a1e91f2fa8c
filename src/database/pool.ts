// The pool of connections to PostgreSQL: every statement is answered or refused within a bounded time, whatever the
// server or the network does, and sees the rows of the project that it names (walls.ts).
import type { Sql } from 'postgres'
import { openConnection, sessionLimits, types } from './connection.ts'
import { createPlaces, type PoolDepth } from './places.ts'
import { facade, type ProjectSql, type Run, statement, type Watch } from './statements.ts'
import { everywhereSetting, projectSetting } from './walls.ts'

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

const isRead = (text: string) => text.startsWith('select')

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
  // Behind a pooler the session is not ours: there each transaction puts on what it needs and leaves nothing behind.
  const costume = { ...(role && { role }), ...(everywhere && { [everywhereSetting]: 'on' }) }
  const local = (settings: object) =>
    Object.entries(settings)
      .map(([setting, value]) => `; set local ${setting} = '${value}'`)
      .join('')
  const opening = (project: string | null) =>
    pooled ? local({ ...sessionLimits, ...costume, ...(project && { [projectSetting]: project }) }) : ''

  const { use, end, depth } = createPlaces({
    connect: (onSilence) =>
      openConnection(url, { name, answerMs, pooled, costume: pooled ? {} : costume, onSilence }),
    connections,
    waitMs,
    pooled,
    waited,
    watch,
  })

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

export type { Sql }
