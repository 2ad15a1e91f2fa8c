// The check of GET /health/ready.
import type { HashScheduler } from './crypto/hash-scheduler.ts'
import { isMigrated } from './database/migrations.ts'
import type { Pools } from './database/pools.ts'
import { checkSession } from './database/session.ts'
import { withDeadline } from './jobs/schedule.ts'

/**
 * The check of GET /health/ready, asked at most once a second; one that takes longer has failed.
 * @returns whether the service is not stopping, both pools have connections whose sessions have our settings, the database is
 * migrated, and the queue of password hashes has room
 */
export function readiness(
  { service, unscoped }: Pools,
  scheduler: HashScheduler,
  { isStopping, schema, tell }: { isStopping(): boolean; schema: string | null; tell(reason: string): void },
): () => Promise<boolean> {
  let told = ''
  async function check(): Promise<boolean> {
    const { waiting, capacity } = scheduler.depth()
    const [migrated, session] = await Promise.all([isMigrated(unscoped), checkSession(service, schema)])
    const unfit = session.encoding ?? session.standby ?? session.dropped.join(', ')
    if (unfit && unfit !== told) tell(unfit)
    told = unfit
    return migrated && !unfit && waiting < capacity
  }
  let askedAt = Number.NEGATIVE_INFINITY
  let answer = Promise.resolve(false)
  return async () => {
    // Without a check: the load balancer then sends no more requests, and those under way are still answered.
    if (isStopping()) return false
    if (performance.now() - askedAt < 1000) return answer
    askedAt = performance.now()
    answer = withDeadline(check(), 1000, false).catch(() => false)
    return answer
  }
}
