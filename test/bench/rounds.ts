// Alternating rounds: every figure is the median of the ratios of the rounds.

export interface Pace {
  readonly rounds: number
  /** Length of one side of one round. */
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** One line of the report. */
export interface Figure {
  readonly name: string
  readonly goal: string
  readonly measured: string
  /** Both values of the ratio, and its range over the rounds. */
  readonly detail: string
  /** Null: for information. */
  readonly met: boolean | null
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[middle - 1], sorted[middle]]
  if (high === undefined) return Number.NaN
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2
}

export const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`
export const times = (ratio: number) => `${ratio.toFixed(2)} ×`
export const rate = (perSecond: number) =>
  `${perSecond >= 1000 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`
export const ms = (value: number) => `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`

/** Runs one side for some seconds. @returns its figure */
type Side = (seconds: number) => Promise<number>

export interface Compared {
  /** Median over the rounds of the service's figure divided by the reference's. */
  readonly ratio: number
  readonly ours: number
  readonly other: number
  readonly spread: string
}

/**
 * Measures the service and the references in turn, in reverse order in every second round, and prints the progress.
 * @returns for each reference the median of the rounds' ratios
 */
export async function alternate<Others extends Readonly<Record<string, Side>>>(
  what: string,
  pace: Pace,
  show: (value: number) => string,
  ours: Side,
  others: Others,
): Promise<{ [Other in keyof Others]: Compared }> {
  const sides: [string, Side][] = [['service', ours], ...Object.entries<Side>(others)]
  if (pace.warmUpSeconds > 0) for (const [, run] of sides) await run(pace.warmUpSeconds)
  const seen = new Map<string, number[]>(sides.map(([name]) => [name, []]))
  for (let round = 1; round <= pace.rounds; round++) {
    for (const [name, run] of round % 2 === 1 ? sides : [...sides].reverse())
      seen.get(name)?.push(await run(pace.seconds))
    const last = sides.map(([name]) => `${name} ${show(seen.get(name)?.at(-1) ?? Number.NaN)}`)
    console.log(`  ${what}  round ${round}/${pace.rounds}  ${last.join('  ')}`)
  }
  const mine = seen.get('service') ?? []
  const compared = Object.keys(others).map((name) => {
    const theirs = seen.get(name) ?? []
    const ratios = mine.map((value, round) => value / (theirs[round] ?? Number.NaN))
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
    return [name, { ratio: median(ratios), ours: median(mine), other: median(theirs), spread }]
  })
  return Object.fromEntries(compared) as { [Other in keyof Others]: Compared }
}
