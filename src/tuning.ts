// Settings of Node, V8, libuv and the C library that differ from their defaults, with the gain that was measured for each.
import { opendirSync, readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/** The names by which the variable TUNING selects settings; all are applied where it is not set. */
export const tunings = ['collector', 'thread-pool', 'hash-priority', 'arena'] as const
type Tuning = (typeof tunings)[number]

interface Settings {
  /** The settings to apply. */
  readonly tunings: readonly Tuning[]
  /** Threads of libuv's pool. */
  readonly threadPoolSize: number
}

/**
 * Flags of the start script in package.json and of the Dockerfile's CMD: V8 reads this one at the start of a process only.
 * 8 MB for each half of the young generation instead of 16 MB; less than 8 MB gains no memory. Off: start dist/src/main.js
 * without the flag.
 */
export const startFlags = ['--max-semi-space-size=8'] as const

/**
 * `collector`. The old generation is collected when it has grown by 30 % instead of up to 300 %: a worker with full caches
 * took 200 MB instead of 450 MB, at the same speed. The young generation is collected by one thread: with one for each core,
 * a collection waited 5 ms for a thread without a core while others worked; alone it takes 0.3 ms. And no object is
 * allocated in the old generation at once: after requests that waited for the database, V8 did that in four processes of
 * five with the objects of every request, which then kept whole requests until the next full collection (`GET /me` took 60 µs
 * of the processor instead of 33).
 */
const collectorFlags = [
  '--heap-growing-percent=30',
  '--no-parallel-scavenge',
  '--no-allocation-site-pretenuring',
]

/** Threads of libuv's pool where UV_THREADPOOL_SIZE is not set. */
const defaultPoolSize = 4

/**
 * `thread-pool`. One thread for a password hash on each core and four more, so that files and host names do not wait for
 * hashes. Node 20 has started its threads before our first line runs: there the size reaches workers, which are started with
 * it, and a single process needs UV_THREADPOOL_SIZE in its own environment.
 * @param node version, such as 20.9.0
 * @returns threads of libuv's pool in the processes that serve
 */
export function threadPoolSize(
  selected: readonly Tuning[],
  { workers, cores, node }: { workers: number; cores: number; node: string },
): number {
  const isTooLate = workers === 1 && Number.parseInt(node, 10) < 22
  return selected.includes('thread-pool') && !isTooLate ? cores + 4 : defaultPoolSize
}

/**
 * `arena`. All threads of a process share one heap of the C library, which saves 10 MB for each worker. The C library reads
 * it at the start of a process: it reaches workers, and the Dockerfile sets it for a single process.
 */
const arenaVariable = { MALLOC_ARENA_MAX: '1' }

/**
 * Applies what can be changed in a running process; to be called before anything uses libuv's pool.
 * @returns variables to set in this process, which libuv reads at the first use of its pool and workers inherit
 */
export function tuneProcess(config: Settings): Readonly<Record<string, string>> {
  if (config.tunings.includes('collector')) for (const flag of collectorFlags) setFlagsFromString(flag)
  return {
    ...(config.tunings.includes('thread-pool') && { UV_THREADPOOL_SIZE: String(config.threadPoolSize) }),
    ...(config.tunings.includes('arena') && arenaVariable),
  }
}

/** Ids of this process's threads in the order in which they were made: `readdir` would sort them as text. */
function threadIds(): number[] {
  const folder = opendirSync('/proc/self/task')
  const ids: number[] = []
  for (let entry = folder.readSync(); entry; entry = folder.readSync()) ids.push(Number(entry.name))
  folder.closeSync()
  return ids
}

/** Added to the niceness of the pool's threads: where cores are short, they get a tenth of the time of other threads. */
const hashNiceness = 10

/**
 * `hash-priority`. Lowers the priority of libuv's threads, which compute password hashes (10 ms of a core each), below the
 * thread that answers requests: beside sign-ins that saturated both cores, p99 of `GET /me` fell from 12 ms to 7.5 ms and no
 * sign-in was lost. To be called when the pool has been used. Linux only, where each thread has a priority of its own.
 * @returns the number of threads whose priority was lowered
 */
export function lowerHashPriority(config: Settings): number {
  if (process.platform !== 'linux' || !config.tunings.includes('hash-priority')) return 0
  try {
    const threads = threadIds().map((id) => ({
      id,
      name: readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim(),
    }))
    const named = threads.filter(({ name }) => name === 'libuv-worker')
    // Node 20 names none of its threads; the pool's are the last that it makes.
    const pool =
      named.length > 0 ? named : threads.filter(({ id }) => id !== process.pid).slice(-config.threadPoolSize)
    const niceness = Math.min(getPriority() + hashNiceness, constants.priority.PRIORITY_LOW)
    for (const { id } of pool) setPriority(id, niceness)
    return pool.length
  } catch {
    // The service works without it, for example where /proc is not mounted.
    return 0
  }
}
