// The connections of a pool: opened when needed, shared by statements, used by one transaction at a time, replaced when lost or
// old. A session holds the project whose rows it sees as a setting; it changes on idle connections only, and no statement is
// sent before the server has confirmed it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'
import { type Connection, connectionError, type Query, sqlOver, type Watch } from './connection.ts'
import { projectSetting } from './row-level-security.ts'

/** Where statements of one project are issued: a pool, or the connection of a transaction. */
export interface ProjectSql {
  readonly options: Sql['options']
  /** Statements that see the rows of this project alone. @throws where a transaction has another project */
  of(projectId: string): Sql
}

/** Numbers of connections, and of statements and transactions that wait for one. */
export type Depth = Record<'open' | 'busy' | 'limit' | 'waiting', number>

interface ConnectionsOptions {
  /** Opens a connection. In: what to call when it stops answering. */
  readonly open: (onTimeout: () => void) => Connection
  /** Most connections that are open. */
  readonly connections: number
  /** Milliseconds that a statement or transaction may wait for a connection. */
  readonly waitMs: number
  readonly waited?: ((seconds: number) => void) | undefined
  readonly watch?: Watch | undefined
}

type Kind = 'read' | 'write' | 'transaction'

interface Member {
  readonly connection: Connection
  /** Given to its transactions: one object for the connection's life, so that statements prepared on it are reused. */
  readonly sql: Sql & ProjectSql
  readonly renewAt: number
  /** The project that the session is set to. */
  project: string | null
  /** Pending until the server has confirmed the project; rejects, and the connection is lost, where it has not. */
  switching: Promise<void> | null
  idleSince: number
  /** Statements in progress; a transaction counts as many as there may be. */
  load: number
  /** Of the transaction in progress. */
  transactionProject: string | null
  failure: unknown
}

/** Statements that may be in flight on one connection when all connections are busy. */
const maxPipelined = 32

/**
 * Reads of one turn of the event loop that share a connection: one system call and one server process to wake instead of one
 * each. Writes never do: their commits would wait for the disk one after another.
 */
const readBatchSize = 8

/** The connections of one pool. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #members = new Set<Member>()
  readonly #queue: { readonly project: string | null; readonly end: (found: Member | Error) => void }[] = []
  /** The connection of this turn's last read. */
  #readBatch: { readonly member: Member; readonly reads: number } | null = null
  #ending: Promise<void> | undefined

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** Gives `work` a connection set to the project; a transaction has it alone, behind statements already in flight. */
  async use<T>(kind: Kind, project: string | null, work: (member: Member) => Promise<T>): Promise<T> {
    const load = kind === 'transaction' ? maxPipelined : 1
    const member = await this.#acquire(kind, load, project)
    try {
      if (member.switching) await member.switching
      return await work(member)
    } finally {
      this.#release(member, load)
    }
  }

  /** Takes no more work, waits for what is in progress up to `timeout` seconds, then cuts the rest. */
  end({ timeout = 5 }: { timeout?: number } = {}): Promise<void> {
    this.#ending ??= (async () => {
      for (const { end } of this.#queue.splice(0))
        end(connectionError('CONNECTION_ENDED', 'The pool is closed.'))
      for (const since = performance.now(); this.depth().busy > 0; await sleep(5))
        if (performance.now() - since > timeout * 1000) break
      const open = [...this.#members]
      await Promise.all(open.map(({ connection, load }) => connection.close(load > 0 ? 0 : 1)))
    })()
    return this.#ending
  }

  depth(): Depth {
    const busy = [...this.#members].filter(({ load }) => load > 0).length
    const { connections: limit } = this.#options
    return { open: this.#members.size, busy, limit, waiting: this.#queue.length }
  }

  async #acquire(kind: Kind, load: number, project: string | null): Promise<Member> {
    if (this.#ending) throw connectionError('CONNECTION_ENDED', 'The pool is closed.')
    const isFirst = this.#queue.length === 0
    const free = isFirst && (kind === 'read' ? this.#pickForRead(project) : this.#pick(project))
    if (free) return this.#take(free, load, project)
    const since = performance.now()
    return new Promise<Member>((resolve, reject) => {
      const end = (found: Member | Error) => {
        clearTimeout(timer)
        if (found instanceof Error) reject(found)
        else resolve(this.#take(found, load, project))
      }
      const waiting = { project, end }
      const timer = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1)
        end(connectionError('CONNECT_TIMEOUT', 'No connection to the database became free in time.'))
      }, this.#options.waitMs)
      this.#queue.push(waiting)
    }).finally(() => this.#options.waited?.((performance.now() - since) / 1000))
  }

  /**
   * The least busy connection of the project; before a busy one a new one, or the one of another project that has been idle
   * longest. Null when none can take more.
   */
  #pick(project: string | null): Member | null {
    const now = performance.now()
    let best: Member | null = null
    let idle: Member | null = null
    for (const member of this.#members) {
      const { connection, load } = member
      const isOld = now >= member.renewAt
      if (connection.lost || (isOld && load === 0)) this.#close(member)
      else if (isOld) continue
      else if (member.project === project) {
        if (load < (best?.load ?? maxPipelined)) best = member
      } else if (load === 0 && member.idleSince < (idle?.idleSince ?? Infinity)) idle = member
    }
    if (best?.load === 0) return best
    return this.#members.size < this.#options.connections ? this.#add(now) : (idle ?? best)
  }

  /** The connection of this turn's last read while it can take more, else one that later reads of the turn will share. */
  #pickForRead(project: string | null): Member | null {
    if (!this.#readBatch)
      setImmediate(() => {
        this.#readBatch = null
      })
    const { member, reads = 0 } = this.#readBatch ?? {}
    const isOpen = member && this.#members.has(member) && !member.connection.lost
    const isShared =
      isOpen && member.project === project && member.load < maxPipelined && reads < readBatchSize
    const picked = isShared ? member : this.#pick(project)
    this.#readBatch = picked && { member: picked, reads: isShared ? reads + 1 : 1 }
    return picked
  }

  #add(now: number): Member {
    const connection = this.#options.open(() => this.#closeIdle())
    const run = (query: Query) =>
      connection.run(query).catch((error) => {
        member.failure ??= error
        throw error
      })
    const of = (projectId: string): Sql => {
      if (member.transactionProject === projectId) return sql
      throw new Error('A transaction of one project asked for the rows of another.')
    }
    const sql = Object.assign(sqlOver(run, this.#options.watch), { of })
    // Replaced after half an hour, give or take, so that they follow the server when it moves.
    const renewAt = now + 30 * 60_000 * (0.8 + Math.random() * 0.4)
    const state = { project: null, switching: null, idleSince: 0, load: 0 }
    const member: Member = { connection, sql, renewAt, ...state, transactionProject: null, failure: null }
    this.#members.add(member)
    return member
  }

  #take(member: Member, load: number, project: string | null): Member {
    member.load += load
    if (member.project === project) return member
    member.project = project
    const { connection } = member
    member.switching = connection
      .run((raw) => raw.unsafe(`set ${projectSetting} = '${project ?? ''}'`))
      .then(
        () => {
          member.switching = null
        },
        async (error) => {
          await connection.close(0)
          throw error
        },
      )
    return member
  }

  #release(member: Member, load: number): void {
    member.load -= load
    member.idleSince = performance.now()
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const free = this.#pick(next.project)
      if (!free) return
      this.#queue.shift()
      next.end(free)
    }
  }

  #close(member: Member): void {
    this.#members.delete(member)
    void member.connection.close()
  }

  /** Where a connection stopped answering, idle ones may have stopped as well, unnoticed. */
  #closeIdle(): void {
    for (const member of this.#members) if (member.load === 0) this.#close(member)
  }
}
