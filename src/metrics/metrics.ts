// The metrics of one process: counted where things happen, read from the parts when somebody asks. No label ever holds
// an id, an address or a token.
import { Counter, collectDefaultMetrics, Histogram, type Metric, Registry } from 'prom-client'
import {
  definitions,
  limitClasses,
  type MailOutcome,
  type MetricKey,
  mailOutcomes,
  type RefreshOutcome,
  refreshOutcomes,
  type SignInOutcome,
  signInOutcomes,
} from './definitions.ts'
import { createHttpTally, type Sample } from './http-tally.ts'

/** What parts say of themselves when they are asked. Each is asked at every scrape and must answer at once. */
export interface Sources {
  readonly hashes: () => { running: number; waiting: number; capacity: number }
  readonly connections: () => { open: number; busy: number; limit: number; waiting: number }
  /** Whether a neighbour is in use; null or undefined: there is none. */
  readonly standby: () => boolean | null | undefined
  readonly redis: () => boolean | null | undefined
  /** Memories, by their name. */
  readonly caches: Readonly<Record<string, () => { hits: number; misses: number; size: number }>>
  /** Asked at most once in five seconds; may fail, and then its metrics are missing. */
  readonly mails: () => Promise<{ owed: number; dead: number; oldestSeconds: number }>
}

export interface Metrics {
  /** Reads `sources` from now on. */
  read(sources: Sources): void
  /** Counts an answered request; `route` is a template, undefined where there was none. */
  answered(method: string, route: string | undefined, status: number, seconds: number): void
  /** Counts a request refused by a limit, by its class. */
  limited(limit: string | undefined): void
  lockedOut(): void
  shed(): void
  hashWaited(seconds: number): void
  connectionWaited(seconds: number): void
  refreshed(outcome: RefreshOutcome): void
  signedIn(method: 'password' | 'social', outcome: SignInOutcome): void
  happened(event: string): void
  mailed(outcome: MailOutcome): void
  /** All metrics of this process in the text format of Prometheus, 0.0.4. */
  text(): Promise<string>
  /** The same as data, for whoever puts several processes together. */
  data(): Promise<object[]>
}

/** The media type of `text()`. */
export const metricsMediaType = Registry.PROMETHEUS_CONTENT_TYPE

/** What Node says of this process: made once, however many registries show it. */
let ofNode: Registry | undefined
function nodeRegistry(): Registry {
  if (!ofNode) {
    ofNode = new Registry()
    collectDefaultMetrics({ register: ofNode })
  }
  return ofNode
}

const freshMs = 5000
const patienceMs = 1000

/** The last answer for five seconds; null while there is none. A question that takes too long is not asked twice. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T | null> {
  let answer: T | null = null
  let until = 0
  let asking: Promise<void> | undefined
  return async () => {
    if (performance.now() < until) return answer
    asking ??= ask()
      .then(
        (value) => {
          answer = value
        },
        () => {
          answer = null
        },
      )
      .finally(() => {
        until = performance.now() + freshMs
        asking = undefined
      })
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<true>((resolve) => {
      timer = setTimeout(resolve, patienceMs, true)
    })
    const late = await Promise.race([asking, tooLate])
    clearTimeout(timer)
    return late ? null : answer
  }
}

/** Makes the metrics of a process. `version` is the one that runs. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry()
  const tally = createHttpTally(definitions.requestSeconds.buckets ?? [])
  let sources: Sources | undefined
  let mails: (() => Promise<Awaited<ReturnType<Sources['mails']>> | null>) | undefined

  /** A metric whose samples are read when somebody asks. */
  function reading(key: MetricKey, samples: () => Sample[] | Promise<Sample[]>): void {
    const { name, help, type, together = 'sum' } = definitions[key]
    const get = async () => ({ name, help, type, aggregator: together, values: await samples() })
    // What a registry needs of a metric: its own classes could not be read from numbers that are counted elsewhere.
    registry.registerMetric({ name, help, type, aggregator: together, get } as unknown as Metric)
  }
  /** One number without labels; null: not known now. */
  const number = (
    key: MetricKey,
    value: () => number | null | undefined | Promise<number | null | undefined>,
  ) =>
    reading(key, async () => {
      const known = await value()
      return known === null || known === undefined ? [] : [{ labels: {}, value: known }]
    })
  const counter = (key: MetricKey) => {
    const { name, help, labels } = definitions[key]
    return new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] })
  }
  const histogram = (key: MetricKey) => {
    const { name, help, buckets = [] } = definitions[key]
    return new Histogram({ name, help, buckets: [...buckets], registers: [registry] })
  }

  reading('info', () => [{ labels: { version }, value: 1 }])
  reading('requests', tally.requests)
  reading('requestSeconds', () => tally.times(definitions.requestSeconds.name))
  const limited = counter('limited')
  const lockedOut = counter('lockedOut')
  const shed = counter('shed')
  number('hashesRunning', () => sources?.hashes().running)
  number('hashesWaiting', () => sources?.hashes().waiting)
  number('hashCapacity', () => sources?.hashes().capacity)
  const hashWait = histogram('hashWait')
  reading('connections', () => {
    const { open, busy, limit } = sources?.connections() ?? { open: 0, busy: 0, limit: 0 }
    return Object.entries({ open, busy, limit }).map(([state, value]) => ({ labels: { state }, value }))
  })
  number('databaseWaiting', () => sources?.connections().waiting)
  const databaseWait = histogram('databaseWait')
  number('databaseUp', async () => mails && ((await mails()) ? 1 : 0))
  /** 1 or 0; missing where there is nothing to ask. */
  const flag = (key: MetricKey, ask: () => boolean | null | undefined) =>
    number(key, () => {
      const said = ask()
      return typeof said === 'boolean' ? Number(said) : null
    })
  flag('standbyRead', () => sources?.standby())
  flag('redisCounting', () => sources?.redis())
  const caches = () => Object.entries(sources?.caches ?? {}).map(([cache, stats]) => ({ cache, ...stats() }))
  reading('cacheAsked', () =>
    caches().flatMap(({ cache, hits, misses }) => [
      { labels: { cache, outcome: 'hit' }, value: hits },
      { labels: { cache, outcome: 'miss' }, value: misses },
    ]),
  )
  reading('cacheSize', () => caches().map(({ cache, size }) => ({ labels: { cache }, value: size })))
  const refreshes = counter('refreshes')
  const signIns = counter('signIns')
  const accountEvents = counter('accountEvents')
  const mailed = counter('mails')
  number('mailsOwed', async () => (await mails?.())?.owed)
  number('mailsDead', async () => (await mails?.())?.dead)
  number('oldestMail', async () => (await mails?.())?.oldestSeconds)

  // A series that begins at zero: its first event is an increase.
  for (const outcome of refreshOutcomes) refreshes.inc({ outcome }, 0)
  for (const method of ['password', 'social'])
    for (const outcome of signInOutcomes) signIns.inc({ method, outcome }, 0)
  for (const outcome of mailOutcomes) mailed.inc({ outcome }, 0)
  for (const limit of limitClasses) limited.inc({ class: limit }, 0)

  return {
    read(given) {
      sources = given
      mails = remembered(given.mails)
    },
    answered: tally.count,
    limited: (limit) => limited.inc({ class: limitClasses.find((known) => known === limit) ?? 'other' }),
    lockedOut: () => lockedOut.inc(),
    shed: () => shed.inc(),
    hashWaited: (seconds) => hashWait.observe(seconds),
    connectionWaited: (seconds) => databaseWait.observe(seconds),
    refreshed: (outcome) => refreshes.inc({ outcome }),
    signedIn: (method, outcome) => signIns.inc({ method, outcome }),
    happened: (event) => accountEvents.inc({ event }),
    mailed: (outcome) => mailed.inc({ outcome }),
    text: async () => `${await registry.metrics()}\n${await nodeRegistry().metrics()}`,
    data: async () => [...(await registry.getMetricsAsJSON()), ...(await nodeRegistry().getMetricsAsJSON())],
  }
}
