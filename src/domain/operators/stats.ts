// Statistics of a project by day and for a period, computed from the security log.
import {
  countActive,
  countActiveByDay,
  countByDay,
  countReasons,
  type DayCount,
  type ReasonCount,
} from '../../repositories/audit/log-search.ts'
import { countUsers } from '../../repositories/operators/user-search.ts'
import type { OperatorContext } from '../context.ts'

export interface DayStats {
  /** YYYY-MM-DD, in UTC. */
  readonly day: string
  readonly signUps: number
  /** Sign-ins by their methods (RFC 8176, separated by spaces); `unknown`: of versions before 0.3. */
  readonly signIns: Readonly<Record<string, number>>
  readonly failures: number
  readonly lockouts: number
  /** Accounts that signed in or up on that day. */
  readonly activeUsers: number
}

/** Sums over several days; `activeUsers` counts each account once. */
export interface PeriodStats {
  readonly signUps: number
  readonly signIns: number
  readonly failures: number
  readonly activeUsers: number
}

export interface Stats {
  /** The oldest first. */
  readonly days: readonly DayStats[]
  readonly period: PeriodStats
  /** The same number of days before the period. */
  readonly before: PeriodStats
  /** Reasons of refused sign-ins in the period, the most frequent first. */
  readonly refusals: readonly ReasonCount[]
  /** Accounts of the project; `isMore`: there are more than `count`. */
  readonly users: { readonly count: number; readonly isMore: boolean }
}

const refused = [
  'sign_in_refused',
  'second_factor_refused',
  'passkey_refused',
  'social_sign_in_refused',
] as const

const counted = ['signed_up', 'account_created', 'signed_in', 'sign_in_locked', ...refused] as const

const dayMs = 86_400_000
const dayOf = (at: Date) => at.toISOString().slice(0, 10)

/** Counting stops at this number of accounts, which bounds its cost. */
const maxCounted = 100_000

/** Reasons in the statistics at most. */
const maxReasons = 5

/** Sums up events by day, for `days` days from `since` on; a day without events has zeros. */
function daysFrom(
  since: Date,
  days: number,
  events: readonly DayCount[],
  active: ReadonlyMap<string, number>,
): DayStats[] {
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
      failures: sum(...refused),
      lockouts: sum('sign_in_locked'),
      activeUsers: active.get(day) ?? 0,
    }
  })
}

const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

const sumsOf = (days: readonly DayStats[], activeUsers: number): PeriodStats => ({
  signUps: total(days.map(({ signUps }) => signUps)),
  signIns: total(days.flatMap(({ signIns }) => Object.values(signIns))),
  failures: total(days.map(({ failures }) => failures)),
  activeUsers,
})

/** Computes the statistics of the last `days` days including today, in UTC. */
export async function statsOf(ctx: OperatorContext, days: number): Promise<Stats> {
  const today = Date.parse(dayOf(new Date()))
  const since = new Date(today - (days - 1) * dayMs)
  const earlier = new Date(since.getTime() - days * dayMs)
  const events = await countByDay(ctx.store, counted, earlier)
  const byDay = await countActiveByDay(ctx.store, since)
  const active = await countActive(ctx.store, earlier, since)
  const shown = daysFrom(since, days, events, new Map(byDay.map(({ day, count }) => [day, count])))
  const count = await countUsers(ctx.store, maxCounted + 1)
  return {
    days: shown,
    period: sumsOf(shown, active.period),
    before: sumsOf(daysFrom(earlier, days, events, new Map()), active.before),
    refusals: await countReasons(ctx.store, refused, since, maxReasons),
    users: { count: Math.min(count, maxCounted), isMore: count > maxCounted },
  }
}
