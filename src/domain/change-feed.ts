// The database's change feed, as the caches of the domain use it.

export interface ChangeListener {
  /** The row, a session or a key of this user changed. */
  user(id: number): void
  project(id: string): void
  /** A signing key changed or was revoked. */
  keys?(): void
  everything(): void
}

/** Reports changes of rows, and whether its reports are up to date. */
export interface ChangeFeed {
  /** Whether every change that was acknowledged 75 ms ago or earlier has been reported. */
  isCurrent(): boolean
  subscribe(listener: ChangeListener): void
}

/** Stands in where there is no change feed: the caches then keep nothing. */
export const noChangeFeed: ChangeFeed = { isCurrent: () => false, subscribe() {} }
