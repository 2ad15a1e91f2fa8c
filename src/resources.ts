// How much of the machine this process takes, where nobody else would ask for less.
import { opendirSync, readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/**
 * Collects old garbage before it is a third of what is in use, and new garbage without helpers. On a machine with much memory
 * V8 lets the heap grow to four times that before it looks, for no measurable gain in speed. And it shares each look at the
 * new between a thread for each core, then waits for the last of them: where the cores are busy with other work, such as
 * hashes, the database and our own workers, requests wait for a thread that gets no core. What is new is hardly ever still
 * in use here, so one thread is as fast. (`npm start` says how much room the new has: that cannot be changed later.)
 */
export function tuneCollector(): void {
  setFlagsFromString('--heap-growing-percent=30')
  setFlagsFromString('--no-parallel-scavenge')
}

/** In the order in which they were made, which is the kernel's; `readdir` would sort them, by text, and ids begin anew. */
function threads(): number[] {
  const folder = opendirSync('/proc/self/task')
  const ids: number[] = []
  for (let entry = folder.readSync(); entry; entry = folder.readSync()) ids.push(Number(entry.name))
  folder.closeSync()
  return ids
}

/** Nicer than the rest by this much: where there is too little for all, they get a tenth of what others get. */
const hashNiceness = 10

/**
 * Lets the threads of libuv's pool, which compute password hashes, give way to the thread that answers requests: a hash takes
 * 10 ms of a core, and whoever only shows a token should not wait for it. To be called once there is a pool; on Linux
 * alone, where a priority is a thread's. In: how many threads the pool has. Out: how many now give way.
 */
export function letHashesGiveWay(poolSize: number): number {
  if (process.platform !== 'linux') return 0
  try {
    const named = threads().map((id) => ({
      id,
      name: readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim(),
    }))
    const byName = named.filter(({ name }) => name === 'libuv-worker')
    // Node 20 names none of its threads; the pool's are the last that it makes.
    const pool = byName.length > 0 ? byName : named.filter(({ id }) => id !== process.pid).slice(-poolSize)
    const niceness = Math.min(getPriority() + hashNiceness, constants.priority.PRIORITY_LOW)
    for (const { id } of pool) setPriority(id, niceness)
    return pool.length
  } catch {
    // Nobody depends on it.
    return 0
  }
}
