// Limits concurrent password hashes to the number of cores, with a bounded queue, so that many sign-ins slow down only
// sign-ins. The queue is fair: projects take turns, and so do the client addresses in each project.
import { availableParallelism } from 'node:os'

/** Thrown for a hash that was not computed, because the queue is full or its deadline has passed. */
export class HashQueueFull extends Error {
  override name = 'HashQueueFull'
  readonly retryAfterSeconds: number
  constructor(retryAfterSeconds: number) {
    super('The password hash queue is full.')
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export interface Asker {
  readonly project: string
  readonly address: string
}

export interface HashSchedulerOptions {
  /** Hashes computed at the same time; default: one for each core. */
  readonly slots?: number
  /** Hashes that may wait; default: 64 for each slot. */
  readonly queue?: number
  /** Milliseconds that a hash may wait before it is refused; default 5000. */
  readonly deadlineMs?: number
  /** Called when a slot is taken, with the milliseconds of waiting for it; 0: a slot was free. */
  readonly onBegin?: (waitedMs: number) => void
}

/** The right to compute one hash. */
export interface HashSlot {
  release(): void
}

export interface HashScheduler {
  /** Waits for a slot, which the caller releases in a `finally`. @throws HashQueueFull */
  acquire(asker?: Asker): Promise<HashSlot>
  /** Hashes computed at the same time. */
  readonly slots: number
  readonly depth: () => { running: number; waiting: number; capacity: number }
}

interface Waiting {
  readonly asker: Asker
  readonly start: () => void
  readonly refuse: (retryAfterSeconds: number) => void
}

/** The waiting requests of one project, by address. The first address in the map is next. */
interface ProjectQueue {
  readonly addresses: Map<string, Waiting[]>
  size: number
}

const anonymous: Asker = { project: '', address: '' }

class FairQueue {
  size = 0
  /** The first project is next. */
  readonly #projects = new Map<string, ProjectQueue>()

  add(waiting: Waiting): void {
    const { project, address } = waiting.asker
    const queue = this.#projects.get(project) ?? { addresses: new Map<string, Waiting[]>(), size: 0 }
    const line = queue.addresses.get(address) ?? []
    line.push(waiting)
    queue.addresses.set(address, line)
    queue.size++
    this.#projects.set(project, queue)
    this.size++
  }

  /** Removes a request that is waiting. */
  remove(waiting: Waiting): void {
    const { project, address } = waiting.asker
    const queue = this.#projects.get(project)
    const line = queue?.addresses.get(address)
    if (!queue || !line) return
    this.size--
    line.splice(line.lastIndexOf(waiting), 1)
    if (line.length === 0) queue.addresses.delete(address)
    if (--queue.size === 0) this.#projects.delete(project)
  }

  /** Removes the next request, and moves its project and address behind all others. */
  next(): Waiting | undefined {
    const [project, queue] = this.#projects.entries().next().value ?? []
    const [address, line] = queue?.addresses.entries().next().value ?? []
    const waiting = line?.[0]
    if (project === undefined || address === undefined || !queue || !line || !waiting) return undefined
    this.remove(waiting)
    if (queue.addresses.delete(address) && line.length > 0) queue.addresses.set(address, line)
    if (this.#projects.delete(project) && queue.size > 0) this.#projects.set(project, queue)
    return waiting
  }

  /**
   * Removes the newest request of the longest line in the largest project. Among equals, the project and address of `newest`
   * come first.
   * @returns the removed request, which may be `newest`
   */
  evictFromLargest(newest: Waiting): Waiting {
    const own = this.#projects.get(newest.asker.project)
    let queue = own
    for (const other of this.#projects.values()) if (other.size > (queue?.size ?? 0)) queue = other
    let line = queue === own ? queue?.addresses.get(newest.asker.address) : undefined
    for (const other of queue?.addresses.values() ?? []) if (other.length > (line?.length ?? 0)) line = other
    const evicted = line?.at(-1) ?? newest
    this.remove(evicted)
    return evicted
  }
}

export function createHashScheduler(options: HashSchedulerOptions = {}): HashScheduler {
  const slots = options.slots ?? availableParallelism()
  const capacity = options.queue ?? slots * 64
  const deadlineMs = options.deadlineMs ?? 5000
  const queue = new FairQueue()
  let running = 0

  function take(waitedMs: number): HashSlot {
    running++
    options.onBegin?.(waitedMs)
    return { release }
  }

  function release(): void {
    running--
    queue.next()?.start()
  }

  return {
    slots,
    acquire(asker = anonymous) {
      if (running < slots) return Promise.resolve(take(0))
      return new Promise<HashSlot>((resolve, reject) => {
        const since = performance.now()
        const waiting: Waiting = {
          asker,
          start() {
            clearTimeout(deadline)
            resolve(take(performance.now() - since))
          },
          refuse(retryAfterSeconds) {
            clearTimeout(deadline)
            reject(new HashQueueFull(retryAfterSeconds))
          },
        }
        const deadline = setTimeout(() => {
          queue.remove(waiting)
          waiting.refuse(Math.ceil(deadlineMs / 1000))
        }, deadlineMs).unref()
        queue.add(waiting)
        // The evicted request may be this one.
        if (queue.size > capacity) queue.evictFromLargest(waiting).refuse(1)
      })
    },
    depth: () => ({ running, waiting: queue.size, capacity }),
  }
}
