// Statistics of a project by day, from the security log.
import { countActiveByDay, countByDay } from '../../repositories/audit/log-search.ts'
import type { OperatorContext } from '../context.ts'

export interface DayStats {
  /** YYYY-MM-DD, in UTC. */
  readonly day: string
  readonly signUps: number
  /** By the methods of RFC 8176, separated by blanks; `unknown` before version 0.3. */
  readonly signIns: Readonly<Record<string, number>>
  readonly failures: number
  readonly lockouts: number
  /** Accounts that signed in or up on that day. */
  readonly activeUsers: number
}

const counted = [
  'signed_up',
  'account_created',
  'signed_in',
  'sign_in_refused',
  'second_factor_refused',
  'passkey_refused',
  'social_sign_in_refused',
  'sign_in_locked',
] as const

const dayMs = 86_400_000
const dayOf = (at: Date) => at.toISOString().slice(0, 10)

/** The figures of the last `days` days, today included, the oldest first; a day without events has zeros. */
export async function statsByDay(ctx: OperatorContext, days: number): Promise<DayStats[]> {
  const today = Date.parse(dayOf(new Date()))
  const since = new Date(today - (days - 1) * dayMs)
  const events = await countByDay(ctx.store, counted, since)
  const active = new Map((await countActiveByDay(ctx.store, since)).map(({ day, count }) => [day, count]))
  return Array.from({ length: days }, (_, at) => {
    const day = dayOf(new Date(since.getTime() + at * dayMs))
    const ofDay = events.filter((event) => event.day === day)
    const sum = (...names: readonly string[]) =>
      ofDay.filter(({ event }) => names.includes(event)).reduce((total, { count }) => total + count, 0)
    const signIns: Record<string, number> = {}
    for (const { event, method, count } of ofDay)
      if (event === 'signed_in') signIns[method || 'unknown'] = (signIns[method || 'unknown'] ?? 0) + count
    return {
      day,
      signUps: sum('signed_up', 'account_created'),
      signIns,
      failures: sum('sign_in_refused', 'second_factor_refused', 'passkey_refused', 'social_sign_in_refused'),
      lockouts: sum('sign_in_locked'),
      activeUsers: active.get(day) ?? 0,
    }
  })
}
