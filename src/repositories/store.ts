// Stores: database handles with transactions, one for each project, and one for statements that belong to no single project.
import { drizzle } from 'drizzle-orm/postgres-js'
import type { Pool, Sql } from '../database/pool.ts'
import { isTransactionConflict } from './availability.ts'
import type { AuditEventName, Database, Queries, UnscopedDatabase } from './database.ts'

/** The database of one project, with transactions. */
export interface Store extends Database {
  /**
   * Runs `work` in one transaction, which commits when `work` returns and rolls back when it throws. After a deadlock or a
   * serialization failure `work` runs again, so it must have no effects outside of the database. A refusal whose changes must be
   * committed is returned by `work` and thrown afterwards. Inside a transaction, `work` runs in that transaction.
   */
  transaction<T>(work: (tx: Store) => Promise<T>): Promise<T>
  /** As `transaction`, for `work` that runs a single statement, without `begin` and `commit`. */
  statement<T>(work: (database: Store) => Promise<T>): Promise<T>
  /** Runs one read on the replica, if there is one. Its result may be some seconds old. */
  readLate<T>(read: (database: Database) => Promise<T>): Promise<T>
  /** Runs reads in one snapshot that is not older than the call, on the replica, if there is one. */
  readSnapshot<T>(read: (database: Database) => Promise<T>): Promise<T>
}

/** The database without a project, with transactions. */
export interface UnscopedStore extends UnscopedDatabase {
  /** As `Store.transaction`. */
  transaction<T>(work: (tx: UnscopedDatabase) => Promise<T>): Promise<T>
}

export interface Stores {
  forProject(projectId: string): Store
  readonly unscoped: UnscopedStore
}

/** A standby of the database for reads. */
export interface Replica {
  readonly sql: Pool
  /**
   * Runs `read` on the replica; null if the replica cannot answer.
   * @param fresh whether to wait until the replica has every transaction that is committed now
   */
  ask<T>(read: () => Promise<T>, fresh: boolean): Promise<{ readonly answer: T } | null>
}

export interface StoresOptions {
  /** For statements that belong to no single project. Default: the pool itself. */
  readonly unscopedPool?: Pool
  /** Awaited after each commit: resolves when no session cache uses reads from before the commit. */
  readonly awaitDelivery?: (() => Promise<void>) | undefined
  /** Called for each committed audit event; events of several accounts in one statement count once. */
  readonly recorded?: ((event: AuditEventName) => void) | undefined
  readonly replica?: Replica | undefined
}

/** Attempts of a transaction before its conflict with another one is thrown. */
const attempts = 3

async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !isTransactionConflict(error)) throw error
    }
  }
}

/** Statements on the pool or the connection of a transaction. The query builder is created at its first use. */
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

/** The store of a project inside a transaction: everything runs in that transaction. */
class TransactionStore extends ProjectStatements implements Store {
  readonly transaction = <T>(work: (tx: Store) => Promise<T>): Promise<T> => work(this)
  readonly statement = this.transaction
  readonly readLate = this.transaction
  readonly readSnapshot = this.transaction
}

/** The store of a project on the pool. */
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
    const standby = replica && new ProjectStore(replica.sql, this.projectId, {})
    const found = standby && (await replica.ask(() => read(standby), false))
    return found ? found.answer : read(this)
  }

  async readSnapshot<T>(read: (database: Database) => Promise<T>): Promise<T> {
    const { replica } = this.#options
    const mode = 'isolation level repeatable read, read only'
    const found = await replica?.ask(() => this.#within(replica.sql, mode, read), true)
    return found ? found.answer : this.#within(this.#pool, mode, read)
  }
}

function unscopedStore(pool: Pool, { awaitDelivery }: StoresOptions): UnscopedStore {
  return Object.assign(new Statements(pool), {
    async transaction<T>(work: (tx: UnscopedDatabase) => Promise<T>): Promise<T> {
      const result = await retrying(() => pool.transaction('', null, (tx) => work(new Statements(tx))))
      await awaitDelivery?.()
      return result
    },
  })
}

/** Stores that are cached at most. */
const maxStores = 1000

/** Creates the stores of a pool. */
export function createStores(pool: Pool, options: StoresOptions = {}): Stores {
  const stores = new Map<string, Store>()
  // The first call changes how the driver parses values.
  drizzle(pool)
  return {
    forProject(projectId) {
      const known = stores.get(projectId)
      if (known) return known
      if (stores.size >= maxStores) stores.clear()
      const store = new ProjectStore(pool, projectId, options)
      stores.set(projectId, store)
      return store
    },
    unscoped: unscopedStore(options.unscopedPool ?? pool, options),
  }
}
