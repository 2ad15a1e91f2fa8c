// Lines of the report from measurements.
import type { Outcome } from './load.ts'
import type { Running } from './processes.ts'
import { type Compared, type Figure, median, ms, type Pace, percent, rate, times } from './rounds.ts'

export interface Bench {
  readonly serverUrl: string
  /** For logs and data. */
  readonly folder: string
  readonly quick: boolean
  /** The folder of another build, to compare this one with. */
  readonly against: string | undefined
}

export const small = { users: 2000, sessions: 4000 }

/** Rounds and their length; few and short ones with `--quick`. */
export const pace = (quick: boolean, rounds: number, seconds: number): Pace =>
  quick
    ? { rounds: 5, seconds: Math.min(seconds, 3), warmUpSeconds: 1 }
    : { rounds, seconds, warmUpSeconds: 2 }

/** The goal is a fraction of the reference's rate; null: for information. */
export const atLeast = (name: string, goal: number | null, found: Compared, show = rate): Figure => ({
  name,
  goal: goal === null ? 'for information' : `≥ ${goal * 100} %`,
  measured: percent(found.ratio),
  detail: `${show(found.ours)} against ${show(found.other)}; rounds ${found.spread}`,
  met: goal === null ? null : found.ratio >= goal,
})

/** The goal is a multiple of the reference's time that must not be exceeded. */
export const atMost = (name: string, goal: number, found: Compared, show = ms): Figure => ({
  name,
  goal: `≤ ${goal} ×`,
  measured: times(found.ratio),
  detail: `${show(found.ours)} against ${show(found.other)}; rounds ${found.spread}`,
  met: found.ratio <= goal,
})

/** The goal is a multiple of the reference's rate. */
export const timesAtLeast = (name: string, goal: number, found: Compared, show = rate): Figure => ({
  name,
  goal: `≥ ${goal} ×`,
  measured: times(found.ratio),
  detail: `${show(found.ours)} against ${show(found.other)}; rounds ${found.spread}`,
  met: found.ratio >= goal,
})

/** Processor time for each request, which varies less than a rate while the machine has other work. */
export class Processor {
  readonly #seen = new Map<string, number[]>()

  async watch(server: Running, side: string, run: () => Promise<Outcome>): Promise<number> {
    const before = server.processorUs()
    const { requests, perSecond } = await run()
    const seen = this.#seen.get(side) ?? []
    this.#seen.set(side, [...seen, (server.processorUs() - before) / requests])
    return perSecond
  }

  #of(side: string): string {
    return `${median(this.#seen.get(side) ?? []).toFixed(0)} µs`
  }

  /** The service, and the references. */
  beside(name: string, others: readonly string[]): Figure {
    const detail = others.map((other) => `${other} ${this.#of(other)}`).join(', ')
    const measured = this.#of(name)
    return {
      name: `${name}: processor time of the Node process`,
      goal: 'for information',
      measured,
      detail,
      met: null,
    }
  }

  figure(name: string, [ours, limit, bare]: readonly [string, string, string]): Figure {
    return {
      name,
      goal: 'for information',
      measured: this.#of(ours),
      detail: `the limit ${this.#of(limit)}, without Drizzle ${this.#of(bare)} a request`,
      met: null,
    }
  }
}
