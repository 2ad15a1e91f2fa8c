// What the caches of the domain need of the database's change feed.

export interface ChangeListener {
  /** The row, a session or a key of this user changed. */
  user(id: number): void
  project(id: string): void
  /** A signing key changed or was revoked. */
  keys?(): void
  everything(): void
}

/** Reports changes in the database, and whether all of them have been reported. */
export interface ChangeFeed {
  /** Whether every change that was acknowledged 75 ms ago or earlier has been reported. */
  isCurrent(): boolean
  subscribe(listener: ChangeListener): void
}

/** Without a change feed nothing is cached. */
export const noChangeFeed: ChangeFeed = { isCurrent: () => false, subscribe() {} }
