// Limits how much runs at once under one key in this process; others wait in the order of arrival.
import { AuthError } from '../errors.ts'

export interface ConcurrencyLimit {
  /**
   * Waits until fewer than `width` hold a turn under this key; the caller releases its turn in a `finally`.
   * @throws AuthError overloaded where too many wait under this key already
   */
  acquire(key: string, width: number): Promise<{ release(): void }>
}

interface Queue {
  running: number
  readonly waiting: (() => void)[]
}

/** Creates a limit; `maxWaiting` is how many may wait under one key. */
export function createConcurrencyLimit(maxWaiting: number): ConcurrencyLimit {
  const queues = new Map<string, Queue>()

  function release(key: string, queue: Queue): void {
    const next = queue.waiting.shift()
    // The place goes to the next in line, so that no later arrival overtakes it.
    if (next) next()
    else if (--queue.running === 0) queues.delete(key)
  }

  return {
    async acquire(key, width) {
      const queue = queues.get(key) ?? { running: 0, waiting: [] }
      if (queue.running < width) {
        queue.running++
        queues.set(key, queue)
      } else {
        if (queue.waiting.length >= maxWaiting) throw new AuthError('overloaded', { retryAfterSeconds: 1 })
        await new Promise<void>((start) => queue.waiting.push(start))
      }
      return { release: () => release(key, queue) }
    },
  }
}
