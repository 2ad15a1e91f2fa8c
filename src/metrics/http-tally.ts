// Requests counted by route, method and status for a fraction of a microsecond each: plain numbers, which become series
// when somebody asks. A counter with labels would build and hash an object for every request.

/** Methods that a route of ours has, or that strangers try; every other one counts as OTHER. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** The label of a request that no route took. */
export const unmatched = 'unmatched'

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

interface Tally {
  readonly method: string
  readonly route: string
  readonly statuses: Map<number, number>
  /** One for each bound, and one for what is beyond the last. */
  readonly buckets: Float64Array
  seconds: number
}

export interface HttpTally {
  /** Counts one request. `route`: the template, undefined where no route took it. */
  count(method: string, route: string | undefined, status: number, seconds: number): void
  /** The counter's samples. */
  requests(): Sample[]
  /** The histogram's samples, those of `name`. */
  times(name: string): Sample[]
}

export function createHttpTally(bounds: readonly number[]): HttpTally {
  const tallies = new Map<string, Tally>()

  function made(key: string, method: string, route: string): Tally {
    const tally = {
      method,
      route,
      statuses: new Map<number, number>(),
      buckets: new Float64Array(bounds.length + 1),
      seconds: 0,
    }
    tallies.set(key, tally)
    return tally
  }

  return {
    count(method, route = unmatched, status, seconds) {
      const known = methods.has(method) ? method : 'OTHER'
      const key = `${known} ${route}`
      const tally = tallies.get(key) ?? made(key, known, route)
      tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1)
      tally.seconds += seconds
      let place = 0
      while (place < bounds.length && seconds > (bounds[place] as number)) place++
      tally.buckets[place] = (tally.buckets[place] as number) + 1
    },

    requests: () =>
      [...tallies.values()].flatMap(({ method, route, statuses }) =>
        [...statuses].map(([status, value]) => ({
          labels: { method, route, status: String(status) },
          value,
        })),
      ),

    times: (name) =>
      [...tallies.values()].flatMap(({ method, route, buckets, seconds }) => {
        let total = 0
        const cumulated = [...buckets].map((inBucket, place) => {
          total += inBucket
          const le = bounds[place] ?? '+Inf'
          return { metricName: `${name}_bucket`, labels: { le, method, route }, value: total }
        })
        return [
          ...cumulated,
          { metricName: `${name}_sum`, labels: { method, route }, value: seconds },
          { metricName: `${name}_count`, labels: { method, route }, value: total },
        ]
      }),
  }
}
