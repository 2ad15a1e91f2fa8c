// Limits concurrent work for each key in this process. Callers wait in the order of arrival.
import { AuthError } from '../errors.ts'

export interface ConcurrencyLimit {
  /**
   * Waits until fewer than `width` callers run under this key. The caller releases its turn in a `finally`.
   * @throws AuthError overloaded if too many wait under this key
   */
  acquire(key: string, width: number): Promise<{ release(): void }>
}

interface Queue {
  running: number
  readonly waiting: (() => void)[]
}

/** @param maxWaiting callers that may wait under one key */
export function createConcurrencyLimit(maxWaiting: number): ConcurrencyLimit {
  const queues = new Map<string, Queue>()

  function release(key: string, queue: Queue): void {
    const next = queue.waiting.shift()
    // The turn passes to the first in the queue, so that no later caller overtakes it.
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
