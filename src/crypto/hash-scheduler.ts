// Bounds the password hashes in flight to the cores and the queue behind them, so that a login storm slows logins alone;
// and serves who waits in turn, first the projects, then the addresses of each, so that one flood slows nobody else's.
import { availableParallelism } from 'node:os'

/** Thrown when a hash was not begun: the queue is full or the deadline passed. Nothing was computed. */
export class HashQueueFull extends Error {
  readonly retryAfterSeconds: number
  constructor(retryAfterSeconds: number) {
    super('The password hash queue is full.')
    this.name = 'HashQueueFull'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** For whom a hash is computed: a project, and a client's address as limits count it. */
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
  /** Told of each hash that begins, how many milliseconds it waited: 0 where there was room at once. */
  readonly onBegin?: (waitedMs: number) => void
}

export interface HashScheduler {
  /** Runs `work` in a slot; who names no asker waits in a line with all who do not. @throws HashQueueFull */
  run<T>(work: () => Promise<T>, asker?: Asker): Promise<T>
  readonly depth: () => { running: number; waiting: number; capacity: number }
}

interface Waiting {
  readonly asker: Asker
  readonly start: () => void
  readonly refuse: (error: HashQueueFull) => void
  readonly since: number
}

/** Who waits from one project: a line for each address. Whose turn is next stands first in the map. */
interface Crowd {
  readonly lines: Map<string, Waiting[]>
  size: number
}

const nobody: Asker = { project: '', address: '' }

/** Everybody who waits: in order of arrival, and by whose turn it is. */
function createCrowds() {
  const arrivals = new Set<Waiting>()
  const crowds = new Map<string, Crowd>()

  function leave(waiting: Waiting): void {
    const { project, address } = waiting.asker
    const crowd = crowds.get(project)
    const line = crowd?.lines.get(address)
    if (!crowd || !line || !arrivals.delete(waiting)) return
    line.splice(line.lastIndexOf(waiting), 1)
    if (line.length === 0) crowd.lines.delete(address)
    if (--crowd.size === 0) crowds.delete(project)
  }

  return {
    count: () => arrivals.size,
    oldest: (): Waiting | undefined => arrivals.values().next().value,
    leave,

    join(waiting: Waiting): void {
      const { project, address } = waiting.asker
      const crowd = crowds.get(project) ?? { lines: new Map<string, Waiting[]>(), size: 0 }
      const line = crowd.lines.get(address) ?? []
      line.push(waiting)
      crowd.lines.set(address, line)
      crowd.size++
      crowds.set(project, crowd)
      arrivals.add(waiting)
    },

    /** Takes out whose turn it is, and puts their project and their address behind all others. */
    next(): Waiting | undefined {
      const [project, crowd] = crowds.entries().next().value ?? []
      const [address, line] = crowd?.lines.entries().next().value ?? []
      const waiting = line?.[0]
      if (project === undefined || address === undefined || !crowd || !line || !waiting) return undefined
      leave(waiting)
      if (crowd.lines.delete(address) && line.length > 0) crowd.lines.set(address, line)
      if (crowds.delete(project) && crowd.size > 0) crowds.set(project, crowd)
      return waiting
    },

    /** The newest of the longest line of the largest crowd; of equals, the one that `waiting` stands in. */
    newestOfGreediest({ asker }: Waiting): Waiting | undefined {
      let crowd = crowds.get(asker.project)
      const own = crowd
      for (const other of crowds.values()) if (other.size > (crowd?.size ?? 0)) crowd = other
      let line = crowd === own ? crowd?.lines.get(asker.address) : undefined
      for (const other of crowd?.lines.values() ?? []) if (other.length > (line?.length ?? 0)) line = other
      return line?.at(-1)
    },
  }
}

export function createHashScheduler(options: HashSchedulerOptions = {}): HashScheduler {
  const slots = options.slots ?? availableParallelism()
  const capacity = options.queue ?? slots * 64
  const deadlineMs = options.deadlineMs ?? 5000
  const queue = createCrowds()
  let running = 0
  let timer: NodeJS.Timeout | null = null

  // One timer for the oldest waiter, who is always the next to expire.
  function watch(): void {
    const oldest = queue.oldest()
    if (timer || !oldest) return
    timer = setTimeout(
      () => {
        timer = null
        for (let late = queue.oldest(); late && performance.now() - late.since >= deadlineMs; ) {
          queue.leave(late)
          late.refuse(new HashQueueFull(Math.ceil(deadlineMs / 1000)))
          late = queue.oldest()
        }
        watch()
      },
      Math.max(1, oldest.since + deadlineMs - performance.now()),
    )
    timer.unref()
  }

  function next(): void {
    running--
    queue.next()?.start()
    if (queue.count() === 0 && timer) {
      clearTimeout(timer)
      timer = null
    }
  }

  async function begin<T>(work: () => Promise<T>, waitedMs: number): Promise<T> {
    running++
    try {
      options.onBegin?.(waitedMs)
      return await work()
    } finally {
      next()
    }
  }

  return {
    run<T>(work: () => Promise<T>, asker = nobody): Promise<T> {
      if (running < slots) return begin(work, 0)
      return new Promise<T>((resolve, reject) => {
        const since = performance.now()
        const start = () => void begin(work, performance.now() - since).then(resolve, reject)
        const waiting: Waiting = { asker, start, refuse: reject, since }
        queue.join(waiting)
        if (queue.count() > capacity) {
          // Room is made by whoever takes most of it, which may be this one.
          const surplus = queue.newestOfGreediest(waiting) ?? waiting
          queue.leave(surplus)
          surplus.refuse(new HashQueueFull(1))
        }
        watch()
      })
    },
    depth: () => ({ running, waiting: queue.count(), capacity }),
  }
}
