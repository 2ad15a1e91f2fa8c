// SIGINT and SIGTERM end a command in order: what it started is stopped, and the drafts of its files are removed at the exit.
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

const interruption = new AbortController()
const stops = new Set<() => Promise<unknown>>()
let endsByItself = false

/** Aborted by the first SIGINT or SIGTERM. */
export const interrupted: AbortSignal = interruption.signal

/** Whether a signal is ending this command, so that its own failure tells nothing. */
export const isInterrupted = (): boolean => interrupted.aborted && !endsByItself

/**
 * Adds what a signal stops before the process exits.
 * @param stop may be called although it was stopped before
 * @returns a function that takes it back
 */
export function stopWhenInterrupted(stop: () => Promise<unknown>): () => void {
  stops.add(stop)
  return () => stops.delete(stop)
}

/**
 * Declares that the command runs until a signal, and then ends by itself with its own exit code.
 * @returns `interrupted`
 */
export function runUntilInterrupted(): AbortSignal {
  endsByItself = true
  return interrupted
}

/** Ends the process in order on SIGINT (exit code 130) and SIGTERM (143); at once on the next one. */
export function endOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, async () => {
      const isFirst = !interrupted.aborted
      interruption.abort()
      if (isFirst && endsByItself) return
      if (isFirst) await Promise.allSettled([...stops].map((stop) => stop()))
      process.exit(exitCodes[name])
    })
}
