// Caches sessions and API keys as they were read, and uses an entry only while the database would give the same answer.
//
// The database notifies the change feed of every change to a user's row, sessions and keys, and a change is acknowledged only
// after its notification could be delivered. An entry is used while three conditions hold:
//   1. the feed is current, so every change acknowledged 75 ms ago or earlier has been delivered to this process;
//   2. the read that filled the entry began after the last notification about its user arrived;
//   3. the entry is younger than 30 seconds and its session has not expired by the database's clock.
// Condition 2 compares two instants of this process and covers both orders of events. A notification that finds an entry is
// later than the start of its read, so the entry is void. A notification that arrives during a read is also later than its
// start, so the result of that read is never used, even if it saw the row before the change.
// Notifications without a user (`everything`), and those that were dropped for lack of room, count for every user.
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { ChangeFeed } from '../change-feed.ts'

/** A value that can be cached: its user, and until when it is valid by the database's clock. */
export interface CacheEntry {
  readonly projectId: string
  readonly user: UserRow
  readonly now: Date
  /** Null: valid until it is revoked. */
  readonly expiresAt: Date | null
}

/** Figures for metrics. `hits` and `misses` only grow; a miss asks the database. */
export interface CacheStats {
  readonly hits: number
  readonly misses: number
  /** Entries held, some of which may be void. */
  readonly size: number
  readonly capacity: number
}

export interface SessionCache<T extends CacheEntry> {
  /** The entry of an id of this project, if it may be used instead of a query; else null. */
  find(projectId: string, id: string): T | null
  /** Runs `read` and caches its result, unless the result is void by then. @throws the error of `read` */
  read(id: string, read: () => Promise<T | null>): Promise<T | null>
  stats(): CacheStats
}

interface Held<T> {
  readonly value: T
  /** When the statement that read it was sent, and until when it may be used; milliseconds of `performance.now`. */
  readonly readAt: number
  readonly usableUntil: number
  readonly weight: number
}

const maxAgeMs = 30_000
/** Users whose last notification is kept. Beyond that, the oldest notification counts for every user. */
const maxNotifiedUsers = 10_000
/** Characters of a user's metadata, as JSON, that take as much memory as the rest of an entry. */
const metadataUnit = 256

const weightOf = ({ metadata }: UserRow) => 1 + Math.floor(JSON.stringify(metadata).length / metadataUnit)

/**
 * Creates a cache of entries with a total weight of `capacity`.
 * @param capacity an entry weighs 1, and 1 more for each `metadataUnit` characters of its user's metadata
 */
export function createSessionCache<T extends CacheEntry>(
  changeFeed: ChangeFeed,
  capacity: number,
): SessionCache<T> {
  /** By id, the oldest read first. */
  const entries = new Map<string, Held<T>>()
  /** When the last notification about each user arrived, the oldest first. */
  const notifiedAt = new Map<number, number>()
  /** Reads that began no later are void for every user. */
  let voidUntil = Number.NEGATIVE_INFINITY
  let weight = 0
  let hits = 0
  let misses = 0

  changeFeed.subscribe({
    user(id) {
      const now = performance.now()
      notifiedAt.delete(id)
      notifiedAt.set(id, now)
      for (const [oldest, at] of notifiedAt) {
        const isOld = now - at > maxAgeMs
        if (!isOld && notifiedAt.size <= maxNotifiedUsers) break
        notifiedAt.delete(oldest)
        if (!isOld) voidUntil = at
      }
    },
    project() {},
    everything() {
      voidUntil = performance.now()
      entries.clear()
      notifiedAt.clear()
      weight = 0
    },
  })

  function isUsable({ value, readAt, usableUntil }: Held<T>, now: number): boolean {
    const notified = notifiedAt.get(value.user.id) ?? Number.NEGATIVE_INFINITY
    return now < usableUntil && readAt > voidUntil && readAt > notified
  }

  function evict(id: string, held: Held<T>): void {
    entries.delete(id)
    weight -= held.weight
  }

  function hold(id: string, readAt: number, value: T): void {
    const { user, now, expiresAt } = value
    // Instants of the database are cut to whole milliseconds, so the entry ends one earlier.
    const restMs = expiresAt ? expiresAt.getTime() - now.getTime() - 1 : maxAgeMs
    const usableUntil = readAt + Math.min(maxAgeMs, restMs)
    // Many requests share the row.
    Object.freeze(user)
    const held: Held<T> = { value, readAt, usableUntil, weight: weightOf(user) }
    if (!isUsable(held, performance.now())) return
    const former = entries.get(id)
    if (former) evict(id, former)
    entries.set(id, held)
    weight += held.weight
    for (const [oldestId, oldest] of entries) {
      if (weight <= capacity) break
      evict(oldestId, oldest)
    }
  }

  return {
    find(projectId, id) {
      const held = changeFeed.isCurrent() ? entries.get(id) : undefined
      if (held && held.value.projectId === projectId && isUsable(held, performance.now())) {
        hits++
        return held.value
      }
      misses++
      return null
    },

    async read(id, read) {
      const readAt = performance.now()
      const value = await read()
      // An entry could not be used while the feed is not current.
      if (value && changeFeed.isCurrent()) hold(id, readAt, value)
      return value
    },

    stats: () => ({ hits, misses, size: entries.size, capacity }),
  }
}
