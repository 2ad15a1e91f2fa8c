// Keeps tables from growing for ever: removes expired rows in short steps, on one instance at a time, at half speed.
// Nothing reads a row because it has not been swept: every query asks for itself whether a row still counts.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Store } from './repositories/store.ts'
import type { SweptTable } from './repositories/sweeping.ts'

export interface SweeperParts {
  readonly store: Store
  readonly log: FastifyBaseLogger
  /** Milliseconds between passes; default ten minutes. */
  readonly pauseMs?: number
}

export interface Sweeper {
  /** Resolves when the step under way is done. */
  stop(): Promise<void>
}

/** Blocks of 8 KiB in one step: a millisecond or two of work, so that a request beside it hardly waits. */
const stepBlocks = 64
/** Accounts removed in one step, each with all that hangs on it. */
const stepAccounts = 50

/**
 * One pass over all tables. Out: rows removed from each; it ends early where another instance sweeps or `signal` says so.
 * @throws whatever the database throws; what was removed until then stays removed
 */
export async function sweep(
  store: Store,
  signal: AbortSignal,
): Promise<Partial<Record<SweptTable | 'users', number>>> {
  const removed: Partial<Record<SweptTable | 'users', number>> = {}
  const count = (table: SweptTable | 'users', rows: number) => {
    if (rows > 0) removed[table] = (removed[table] ?? 0) + rows
  }
  /** Rests as long as the step took, so that half of the time belongs to everybody else. */
  async function step<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const result = await work()
    await sleep(Math.max(1, performance.now() - began), undefined, { signal }).catch(() => {})
    return result
  }

  for (const table of store.everywhere.sweeping.tables) {
    const blocks = await store.everywhere.sweeping.blocks(table)
    for (let from = 0; from < blocks && !signal.aborted; from += stepBlocks) {
      const rows = await step(() =>
        store.everywhere.transaction((tx) => tx.sweeping.removeExpired(table, from, from + stepBlocks)),
      )
      if (rows === null) return removed
      count(table, rows)
    }
  }
  for (let rows = stepAccounts; rows === stepAccounts && !signal.aborted; count('users', rows))
    rows = await step(() => store.everywhere.leavers.removeDue(stepAccounts))
  return removed
}

/** Starts sweeping: a first pass after a random part of the pause, so that instances started together take turns. */
export function startSweeper({ store, log, pauseMs = 600_000 }: SweeperParts): Sweeper {
  const stopping = new AbortController()
  const { signal } = stopping

  async function work(): Promise<void> {
    await sleep(Math.random() * pauseMs, undefined, { signal }).catch(() => {})
    while (!signal.aborted) {
      try {
        const began = performance.now()
        const removed = await sweep(store, signal)
        if (Object.keys(removed).length > 0)
          log.info({ removed, ms: Math.round(performance.now() - began) }, 'Expired rows removed')
      } catch (error) {
        log.warn({ err: error }, 'Expired rows could not be removed; the next pass tries again')
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
    }
  }

  const working = work()
  return {
    async stop() {
      stopping.abort()
      await working
    },
  }
}
