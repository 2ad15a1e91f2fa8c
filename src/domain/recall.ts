// What was read of a caller a moment ago, used again while nothing can have changed: bounded in number, in weight and in
// age, and void from the moment in which its user's row, session or key is known to have changed.
//
// An entry counts if its reading began after the last notice about its user was heard. That one comparison covers both a
// notice that finds an entry and one that overtakes a reading under way: whatever that reading saw is stored in vain.
import type { UserRow } from '../repositories/users.ts'

/** Who tells what has changed, and whether all of it has been told. */
export interface Notices {
  /** Whether every change that was acknowledged some 75 ms ago or earlier has been told. */
  isCurrent(): boolean
  subscribe(listener: {
    user(id: number): void
    project(id: string): void
    /** Anything may have changed. */
    everything(): void
  }): void
}

/** Where nobody tells, nothing is remembered. */
export const noNotices: Notices = { isCurrent: () => false, subscribe() {} }

/** What can be remembered: who it is about, and until when it holds by the database's clock. */
export interface Memorable {
  readonly projectId: string
  readonly user: UserRow
  /** The database's clock in the statement that read it. */
  readonly now: Date
  /** Null: until somebody ends it. */
  readonly expiresAt: Date | null
}

/** What a memory has done, for metrics: `hits` and `misses` only grow; a miss asks the database. */
export interface RecallStats {
  readonly hits: number
  readonly misses: number
  /** Entries held, some of which may be void by now. */
  readonly size: number
  /** Most entries that it holds. */
  readonly capacity: number
}

interface Entry<T> {
  readonly value: T
  readonly userId: number
  /** When the statement that read it was sent. */
  readonly began: number
  /** From when on it is not used any more. */
  readonly until: number
  readonly weight: number
}

/** The longest that an entry is used, in milliseconds. */
const longestMs = 30_000
/** Users whose last notice is remembered; beyond it the oldest notice is taken to have been about everybody. */
const mostNotices = 10_000
/** A user's metadata, in characters of JSON, that weighs as much as all the rest of an entry. */
const metadataUnit = 256

const weightOf = ({ metadata }: UserRow) => 1 + Math.floor(JSON.stringify(metadata).length / metadataUnit)

/** A memory of `capacity` entries, fewer where they are heavy. */
export function createRecall<T extends Memorable>(notices: Notices, capacity: number) {
  /** By id, the oldest reading first. */
  const entries = new Map<string, Entry<T>>()
  /** When each user was last told of, the longest ago first. */
  const toldAt = new Map<number, number>()
  /** What was read before this is void, whoever it is about. */
  let voidBefore = Number.NEGATIVE_INFINITY
  let weight = 0
  let hits = 0
  let misses = 0

  notices.subscribe({
    user(id) {
      const now = performance.now()
      toldAt.delete(id)
      toldAt.set(id, now)
      for (const [oldest, at] of toldAt) {
        const isOver = now - at > longestMs
        if (!isOver && toldAt.size <= mostNotices) break
        toldAt.delete(oldest)
        if (!isOver) voidBefore = at
      }
    },
    project() {},
    everything() {
      voidBefore = performance.now()
      entries.clear()
      toldAt.clear()
      weight = 0
    },
  })

  function remove(id: string, entry: Entry<T>): void {
    entries.delete(id)
    weight -= entry.weight
  }

  const isGood = ({ userId, began, until }: Entry<T>, now: number) =>
    now < until && began > voidBefore && !((toldAt.get(userId) ?? Number.NEGATIVE_INFINITY) >= began)

  function keep(id: string, began: number, value: T): void {
    const { user, now, expiresAt } = value
    // Never longer than by the database's clock, which moved on since it was read; it counts in whole milliseconds.
    const livesMs = expiresAt ? expiresAt.getTime() - now.getTime() - 1 : longestMs
    const until = began + Math.min(longestMs, livesMs)
    // Many requests will hold the same row.
    Object.freeze(user)
    const entry: Entry<T> = { value, userId: user.id, began, until, weight: weightOf(user) }
    if (!isGood(entry, performance.now())) return
    const known = entries.get(id)
    if (known) remove(id, known)
    entries.set(id, entry)
    weight += entry.weight
    for (const [oldest, last] of entries) {
      if (weight <= capacity) break
      remove(oldest, last)
    }
  }

  return {
    /** What is remembered under an id of this project, if that is as good as asking the database; else null. */
    find(projectId: string, id: string): T | null {
      const entry = notices.isCurrent() ? entries.get(id) : undefined
      if (entry && entry.value.projectId === projectId && isGood(entry, performance.now())) {
        hits++
        return entry.value
      }
      misses++
      return null
    },

    /** Reads by `read`, and remembers what it found unless it is void by then. @throws what `read` throws */
    async reading(id: string, read: () => Promise<T | null>): Promise<T | null> {
      const began = performance.now()
      const value = await read()
      // Where nobody tells what changes it could never be used.
      if (value && notices.isCurrent()) keep(id, began, value)
      return value
    },

    stats: (): RecallStats => ({ hits, misses, size: entries.size, capacity }),
  }
}
