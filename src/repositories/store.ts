// Stores: the pool bound to one project, and the pool for what belongs to no project, each with its transactions.
import { drizzle } from 'drizzle-orm/postgres-js'
import type { Pool, Sql } from '../database/pool.ts'
import { isOvertaken } from './availability.ts'
import type { AuditEventName, Database, Queries, UnscopedDatabase } from './database.ts'

/** The rows of one project, and its transactions. */
export interface Store extends Database {
  /**
   * Runs `work` in one transaction: commits when it returns, rolls back when it throws. After a deadlock or a
   * serialization failure it runs again, so only the database may remember it. A refusal that must be remembered is
   * therefore returned by `work` and thrown afterwards. Inside a transaction, `work` runs in that one.
   */
  transaction<T>(work: (tx: Store) => Promise<T>): Promise<T>
  /** The same for work that is one statement, which is a transaction by itself. */
  statement<T>(work: (database: Store) => Promise<T>): Promise<T>
  /** Runs one read whose answer may be some seconds old: on the replica, if there is one. */
  readLate<T>(read: (database: Database) => Promise<T>): Promise<T>
  /** Runs reads that see one moment, no earlier than the call: on the replica, if there is one. */
  readSnapshot<T>(read: (database: Database) => Promise<T>): Promise<T>
}

/** The rows of no project or of all. */
export interface UnscopedStore extends UnscopedDatabase {
  /** As `Store.transaction`. */
  transaction<T>(work: (tx: UnscopedDatabase) => Promise<T>): Promise<T>
}

export interface Stores {
  forProject(projectId: string): Store
  readonly unscoped: UnscopedStore
}

/** A standby of the database to read from. */
export interface Replica {
  readonly sql: Pool
  /**
   * Runs `read` on the replica; null where it cannot answer.
   * @param fresh whether to wait until the replica has all that is committed now
   */
  ask<T>(read: () => Promise<T>, fresh: boolean): Promise<{ readonly answer: T } | null>
}

export interface StoresOptions {
  /** For what belongs to no project; default: the pool itself. */
  readonly unscopedPool?: Pool
  /** Awaited between the commit of a change and its acknowledgement: until no session cache uses older reads. */
  readonly awaitDelivery?: (() => Promise<void>) | undefined
  /** Told of each audit event that is committed; events of many accounts in one statement count once. */
  readonly recorded?: ((event: AuditEventName) => void) | undefined
  readonly replica?: Replica | undefined
}

/** Times that a transaction is begun before its conflict with another one is reported. */
const attempts = 3

async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !isOvertaken(error)) throw error
    }
  }
}

/** Statements on the pool or on the connection of a transaction; the query builder is made where one is asked for. */
class Statements implements UnscopedDatabase {
  readonly sql: Sql
  #queries: Queries | undefined
  constructor(sql: Sql) {
    this.sql = sql
  }
  get queries(): Queries {
    this.#queries ??= drizzle(this.sql)
    return this.#queries
  }
}

/** Statements on the rows of one project. */
class ProjectStatements extends Statements implements Database {
  readonly projectId: string
  readonly recorded: Database['recorded']
  constructor(sql: Sql, projectId: string, recorded: Database['recorded']) {
    super(sql)
    this.projectId = projectId
    this.recorded = recorded
  }
}

/** One project's store inside a transaction: all that runs on it is part of that transaction. */
class TransactionStore extends ProjectStatements implements Store {
  readonly transaction = <T>(work: (tx: Store) => Promise<T>): Promise<T> => work(this)
  readonly statement = this.transaction
  readonly readLate = this.transaction
  readonly readSnapshot = this.transaction
}

/** One project's store on the pool. */
class ProjectStore extends ProjectStatements implements Store {
  readonly #pool: Pool
  readonly #options: StoresOptions
  constructor(pool: Pool, projectId: string, options: StoresOptions) {
    super(pool.of(projectId), projectId, options.recorded ?? (() => {}))
    this.#pool = pool
    this.#options = options
  }

  #within<T>(pool: Pool, mode: string, work: (tx: Store) => Promise<T>): Promise<T> {
    return retrying(async () => {
      const events: AuditEventName[] = []
      const result = await pool.transaction(mode, this.projectId, (tx) =>
        work(new TransactionStore(tx.of(this.projectId), this.projectId, (event) => events.push(event))),
      )
      for (const event of events) this.recorded(event)
      return result
    })
  }

  async transaction<T>(work: (tx: Store) => Promise<T>): Promise<T> {
    const result = await this.#within(this.#pool, '', work)
    await this.#options.awaitDelivery?.()
    return result
  }

  async statement<T>(work: (database: Store) => Promise<T>): Promise<T> {
    const result = await retrying(() => work(this))
    await this.#options.awaitDelivery?.()
    return result
  }

  async readLate<T>(read: (database: Database) => Promise<T>): Promise<T> {
    const { replica } = this.#options
    const there = replica && new ProjectStore(replica.sql, this.projectId, {})
    const found = there && (await replica.ask(() => read(there), false))
    return found ? found.answer : read(this)
  }

  async readSnapshot<T>(read: (database: Database) => Promise<T>): Promise<T> {
    const { replica } = this.#options
    const mode = 'isolation level repeatable read, read only'
    const found = await replica?.ask(() => this.#within(replica.sql, mode, read), true)
    return found ? found.answer : this.#within(this.#pool, mode, read)
  }
}

/** The store of what belongs to no project. */
function unscopedStore(pool: Pool, { awaitDelivery }: StoresOptions): UnscopedStore {
  return Object.assign(new Statements(pool), {
    async transaction<T>(work: (tx: UnscopedDatabase) => Promise<T>): Promise<T> {
      const result = await retrying(() => pool.transaction('', null, (tx) => work(new Statements(tx))))
      await awaitDelivery?.()
      return result
    },
  })
}

/** Stores kept ready; installations with more projects make them anew. */
const keptStores = 1000

/** Binds a pool to projects. */
export function createStores(pool: Pool, options: StoresOptions = {}): Stores {
  const stores = new Map<string, Store>()
  // Drizzle sets how a driver reads values when it first meets it.
  drizzle(pool)
  return {
    forProject(projectId) {
      const known = stores.get(projectId)
      if (known) return known
      if (stores.size >= keptStores) stores.clear()
      const store = new ProjectStore(pool, projectId, options)
      stores.set(projectId, store)
      return store
    },
    unscoped: unscopedStore(options.unscopedPool ?? pool, options),
  }
}
