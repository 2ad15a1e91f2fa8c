// A store whose harmless reads go to a copy of the database, and to the database itself where the copy cannot answer.
import type { Pool } from '../database/pool.ts'
import { createStore, type Store } from './store.ts'

/** A copy of the database, such as a standby. */
export interface Copy {
  readonly sql: Pool
  /** Runs `read` on the copy; null where it cannot answer. `fresh`: not before it has all that is committed now. */
  ask<T>(read: () => Promise<T>, fresh: boolean): Promise<{ readonly answer: T } | null>
}

/** Wraps a store; without a copy it is the store. */
export function replicated(store: Store, copy: Copy | undefined): Store {
  if (!copy) return store
  const there = createStore(copy.sql)
  return {
    ...store,
    async readingLate(read) {
      const found = await copy.ask(() => there.readingLate(read), false)
      return found ? found.answer : store.readingLate(read)
    },
    async readingSnapshot(projectId, read) {
      const found = await copy.ask(() => there.readingSnapshot(projectId, read), true)
      return found ? found.answer : store.readingSnapshot(projectId, read)
    },
  }
}
