// The cleanup job: deletes expired rows in short steps, on one instance at a time, at half speed. Every query checks for
// itself whether a row still counts, so none depends on this job.
import type { FastifyBaseLogger } from 'fastify'
import { removeDueFactors } from '../domain/accounts/factors-reset.ts'
import { sweepSecurityLog } from '../domain/audit/chain.ts'
import type { Services } from '../domain/context.ts'
import { deleteDueUsers } from '../repositories/accounts/deletion.ts'
import {
  countBlocks,
  deleteExpired,
  type ExpiringTable,
  expiringTables,
} from '../repositories/cleanup/expired-rows.ts'
import type { Stores } from '../repositories/store.ts'
import { every, type Job, pause } from './schedule.ts'

/** Rows deleted, by table. */
export type Deleted = Partial<Record<ExpiringTable | 'users', number>>

/** Milliseconds between passes. */
const pauseMs = 600_000
/** Blocks of 8 KiB in one step: a millisecond or two of work, so that concurrent requests hardly wait. */
const stepBlocks = 64
/** Accounts deleted in one step, each with everything that belongs to it. */
const stepAccounts = 50

/**
 * One pass over all tables; it ends early where another instance is cleaning up, or when `signal` aborts.
 * @throws what the database throws; rows deleted until then stay deleted
 */
export async function cleanUp({ unscoped }: Pick<Stores, 'unscoped'>, signal: AbortSignal): Promise<Deleted> {
  const deleted: Deleted = {}
  const add = (table: keyof Deleted, rows: number) => {
    if (rows > 0) deleted[table] = (deleted[table] ?? 0) + rows
  }
  /** Pauses for as long as the step took, so that half of the time is left to requests. */
  async function step<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const result = await work()
    await pause(Math.max(1, performance.now() - began), signal)
    return result
  }

  for (const table of expiringTables) {
    const blocks = await countBlocks(unscoped, table)
    for (let from = 0; from < blocks && !signal.aborted; from += stepBlocks) {
      const rows = await step(() =>
        unscoped.transaction((tx) => deleteExpired(tx, table, from, from + stepBlocks)),
      )
      if (rows === null) return deleted
      add(table, rows)
    }
  }
  for (let rows = stepAccounts; rows === stepAccounts && !signal.aborted; add('users', rows))
    rows = await step(() => deleteDueUsers(unscoped, stepAccounts))
  return deleted
}

/** Starts the cleanup job; its first pass comes after a random part of the pause, so that instances take turns. */
export function startCleanupJob(services: Services, log: FastifyBaseLogger): Job {
  return every({
    firstMs: Math.random() * pauseMs,
    pauseMs: () => pauseMs,
    async run(signal) {
      const began = performance.now()
      const deleted = await cleanUp(services.stores, signal)
      const logged = await sweepSecurityLog(services)
      await removeDueFactors(services, (err) =>
        log.warn({ err }, 'The second factors of an account could not be reset; the next pass tries again'),
      )
      const removed = { ...deleted, ...(logged > 0 && { security_log: logged }) }
      if (Object.keys(removed).length > 0)
        log.info({ removed, ms: Math.round(performance.now() - began) }, 'Expired rows removed')
    },
    failed: (error) =>
      log.warn({ err: error }, 'Expired rows could not be removed; the next pass tries again'),
  })
}
