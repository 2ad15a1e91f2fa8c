// Bounds the password hashes in flight to the cores and the queue behind them, so that a login storm slows logins alone.
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

export interface HashSchedulerOptions {
  /** Hashes computed at the same time; default: one for each core. */
  readonly slots?: number
  /** Hashes that may wait; default: 64 for each slot. */
  readonly queue?: number
  /** Milliseconds that a hash may wait before it is refused; default 5000. */
  readonly deadlineMs?: number
}

export interface HashScheduler {
  /** Runs `work` in a slot. @throws HashQueueFull */
  run<T>(work: () => Promise<T>): Promise<T>
  readonly depth: () => { running: number; waiting: number; capacity: number }
}

interface Waiting {
  readonly start: () => void
  readonly refuse: (error: HashQueueFull) => void
  readonly since: number
}

export function createHashScheduler(options: HashSchedulerOptions = {}): HashScheduler {
  const slots = options.slots ?? availableParallelism()
  const capacity = options.queue ?? slots * 64
  const deadlineMs = options.deadlineMs ?? 5000
  const queue: Waiting[] = []
  let running = 0
  let timer: NodeJS.Timeout | null = null

  // One timer for the oldest waiter; the queue is in order of arrival, so it is always the next to expire.
  function watch(): void {
    const oldest = queue[0]
    if (timer || !oldest) return
    timer = setTimeout(
      () => {
        timer = null
        while (queue[0] && performance.now() - queue[0].since >= deadlineMs)
          queue.shift()?.refuse(new HashQueueFull(Math.ceil(deadlineMs / 1000)))
        watch()
      },
      Math.max(1, oldest.since + deadlineMs - performance.now()),
    )
    timer.unref()
  }

  function next(): void {
    running--
    queue.shift()?.start()
    if (queue.length === 0 && timer) {
      clearTimeout(timer)
      timer = null
    }
  }

  async function begin<T>(work: () => Promise<T>): Promise<T> {
    running++
    try {
      return await work()
    } finally {
      next()
    }
  }

  return {
    run<T>(work: () => Promise<T>): Promise<T> {
      if (running < slots) return begin(work)
      if (queue.length >= capacity) return Promise.reject(new HashQueueFull(1))
      return new Promise<T>((resolve, reject) => {
        queue.push({
          start: () => void begin(work).then(resolve, reject),
          refuse: reject,
          since: performance.now(),
        })
        watch()
      })
    },
    depth: () => ({ running, waiting: queue.length, capacity }),
  }
}
