// How jobs run: again and again until they are stopped, and with deadlines.
import { setTimeout as sleep } from 'node:timers/promises'

export interface Job {
  /** Starts no further run, and resolves when the one under way is over. */
  stop(): Promise<void>
}

export interface Schedule {
  /** Milliseconds before the first run; default: none. */
  readonly firstMs?: number
  /** Milliseconds between the end of a run and the next one. */
  readonly pauseMs: () => number
  /** One run; `signal` aborts when the job is stopped. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Called for a run that failed; the next one takes place all the same. */
  readonly failed: (error: unknown) => void
}

/** Waits so many milliseconds, or until `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Aborting is the end of the pause, not a failure.
  await sleep(ms, undefined, { signal }).catch(() => {})
}

/** Runs a job again and again, one run at a time. */
export function every({ firstMs = 0, pauseMs, run, failed }: Schedule): Job {
  const stopping = new AbortController()
  const { signal } = stopping

  async function loop(): Promise<void> {
    if (firstMs > 0) await pause(firstMs, signal)
    while (!signal.aborted) {
      await run(signal).catch(failed)
      await pause(pauseMs(), signal)
    }
  }

  const looping = loop()
  return {
    async stop() {
      stopping.abort()
      await looping
    },
  }
}

/** Resolves as `work` does, or with `otherwise` where it takes longer than so many milliseconds. */
export async function withDeadline<T, U>(work: Promise<T>, ms: number, otherwise: U): Promise<T | U> {
  return Promise.race([work, sleep(ms, otherwise, { ref: false })])
}
