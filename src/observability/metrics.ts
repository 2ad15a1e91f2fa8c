// The metrics of one process, by prom-client: counters where things happen, gauges read at each scrape. No label holds an
// id, an address or a token.
import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { AuthErrorCode } from '../domain/errors.ts'
import type { Observer } from '../domain/observer.ts'
import {
  definitions,
  labelledMethods,
  limitClasses,
  type MetricKey,
  mailOutcomes,
  refreshOutcomes,
  signInOutcomes,
} from './metric-definitions.ts'

/** What each scrape reads from the parts of the service. All but `mails` and `deliveries` answer synchronously. */
export interface Sources {
  readonly hashes: () => { running: number; waiting: number; capacity: number }
  readonly connections: () => { open: number; busy: number; limit: number; waiting: number }
  /** Whether the standby, or Redis, is in use; null or undefined: none is configured. */
  readonly standby: () => boolean | null | undefined
  readonly redis: () => boolean | null | undefined
  /** Caches by their name. */
  readonly caches: Readonly<Record<string, () => { hits: number; misses: number; size: number }>>
  /** Asked at most once in five seconds. While it rejects, its metrics are absent. */
  readonly deliveries: () => Promise<{ pending: number; dead: number }>
  readonly mails: () => Promise<{ owed: number; dead: number; oldestSeconds: number }>
}

/** The registry of Node's own metrics: its collectors observe the process, so there is one for all registries. */
let nodeRegistry: Registry | undefined
function nodeMetrics(): Registry {
  if (nodeRegistry) return nodeRegistry
  nodeRegistry = new Registry()
  collectDefaultMetrics({ register: nodeRegistry })
  return nodeRegistry
}

/** The outcome of a refused sign-in by its error code; every other code refuses an account with the right credentials. */
const refusals: Partial<Record<AuthErrorCode, (typeof signInOutcomes)[number]>> = {
  invalid_credentials: 'wrong',
  invalid_social_login: 'wrong',
  social_email_missing: 'wrong',
  provider_unknown: 'wrong',
  passkey_unknown: 'wrong',
  passkey_refused: 'wrong',
  passkey_flow_over: 'wrong',
  too_many_attempts: 'locked',
  overloaded: 'overloaded',
  provider_unavailable: 'failed',
}

const freshMs = 5000
const timeoutMs = 1000

/**
 * Caches an answer for five seconds.
 * @returns the answer; null if the question failed or takes longer than a second (then it is not asked again meanwhile)
 */
function cached<T>(ask: () => Promise<T>): () => Promise<T | null> {
  let answer: T | null = null
  let until = 0
  let asking: Promise<void> | undefined
  return async () => {
    if (performance.now() < until) return answer
    asking ??= ask()
      .catch(() => null)
      .then((value) => {
        answer = value
        until = performance.now() + freshMs
        asking = undefined
      })
    const late = await Promise.race([asking, sleep(timeoutMs, true, { ref: false })])
    return late ? null : answer
  }
}

/** Makes metrics in a registry from their definitions. */
function factory(registry: Registry) {
  const config = (key: MetricKey) => {
    const { name, help, labels, aggregator = 'sum' } = definitions[key]
    return { name, help, labelNames: Object.keys(labels), aggregator, registers: [registry] }
  }
  return {
    config,
    counter: (key: MetricKey) => new Counter(config(key)),
    histogram: (key: MetricKey) =>
      new Histogram({ ...config(key), buckets: [...(definitions[key].buckets ?? [])] }),
    /** A gauge without labels. `ask`: its value at a scrape; null or undefined: the series is absent. */
    gauge: (key: MetricKey, ask: () => Asked | Promise<Asked>) =>
      new Gauge({
        ...config(key),
        async collect() {
          const value = await ask()
          if (value === null || value === undefined) this.remove()
          else this.set(Number(value))
        },
      }),
  }
}

type Asked = number | boolean | null | undefined

/** Registers every metric that is read from `sources` at a scrape. */
function registerGauges(registry: Registry, sources: () => Sources | undefined): void {
  const { config, gauge } = factory(registry)
  const queue = cached(async () => (await sources()?.mails()) ?? null)
  const mails = async () => (sources() ? queue() : null)
  gauge('hashesRunning', () => sources()?.hashes().running)
  gauge('hashesWaiting', () => sources()?.hashes().waiting)
  gauge('hashCapacity', () => sources()?.hashes().capacity)
  new Gauge({
    ...config('connections'),
    collect() {
      const { open, busy, limit } = sources()?.connections() ?? { open: 0, busy: 0, limit: 0 }
      for (const [state, value] of Object.entries({ open, busy, limit })) this.set({ state }, value)
    },
  })
  gauge('databaseWaiting', () => sources()?.connections().waiting)
  gauge('databaseUp', async () => sources() && (await mails()) !== null)
  gauge('standbyRead', () => sources()?.standby())
  gauge('redisCounting', () => sources()?.redis())
  const caches = () =>
    Object.entries(sources()?.caches ?? {}).map(([cache, stats]) => ({ cache, ...stats() }))
  new Counter({
    ...config('cacheAsked'),
    collect() {
      this.reset()
      for (const { cache, hits, misses } of caches()) {
        this.inc({ cache, outcome: 'hit' }, hits)
        this.inc({ cache, outcome: 'miss' }, misses)
      }
    },
  })
  new Gauge({
    ...config('cacheSize'),
    collect() {
      for (const { cache, size } of caches()) this.set({ cache }, size)
    },
  })
  gauge('mailsOwed', async () => (await mails())?.owed)
  gauge('mailsDead', async () => (await mails())?.dead)
  gauge('oldestMail', async () => (await mails())?.oldestSeconds)
  const deliveries = cached(async () => (await sources()?.deliveries()) ?? null)
  gauge('webhooksPending', async () => sources() && (await deliveries())?.pending)
  gauge('webhooksDead', async () => sources() && (await deliveries())?.dead)
}

/** Creates the metrics of a process. `version`: the running one, for the label of `sallyport_info`. */
export function createMetrics(version: string) {
  const registry = new Registry()
  const { config, counter, histogram } = factory(registry)
  let sources: Sources | undefined
  new Gauge(config('info')).set({ version }, 1)
  registerGauges(registry, () => sources)
  const requests = counter('requests')
  const requestSeconds = histogram('requestSeconds')
  const limited = counter('limited')
  const lockedOut = counter('lockedOut')
  const shed = counter('shed')
  const hashWait = histogram('hashWait')
  const databaseWait = histogram('databaseWait')
  const refreshes = counter('refreshes')
  const signIns = counter('signIns')
  const accountEvents = counter('accountEvents')
  const mailed = counter('mails')
  const mailsSuppressed = counter('mailsSuppressed')
  const delivered = counter('webhooks')

  // A series that begins at zero: its first event is an increase.
  for (const outcome of refreshOutcomes) refreshes.inc({ outcome }, 0)
  for (const method of ['password', 'social', 'passkey'])
    for (const outcome of signInOutcomes) signIns.inc({ method, outcome }, 0)
  for (const outcome of mailOutcomes) {
    mailed.inc({ outcome }, 0)
    delivered.inc({ outcome }, 0)
  }
  for (const limit of limitClasses) limited.inc({ class: limit }, 0)

  const observer: Observer = {
    refreshed: (outcome) => refreshes.inc({ outcome }),
    signedIn(method, given) {
      const outcome = given === 'ok' || given === 'failed' ? given : (refusals[given] ?? 'kept_out')
      signIns.inc({ method, outcome })
    },
    recorded: (event) => accountEvents.inc({ event }),
    refused() {},
    importRefused() {},
    mailSuppressed: () => mailsSuppressed.inc(),
  }
  return {
    /** Every metric of the process, those of Node included. */
    registry: Registry.merge([registry, nodeMetrics()]),
    /** Reads `sources` from now on. */
    read(given: Sources) {
      sources = given
    },
    /** Counts an answered request. `route`: its template, undefined where no route matched. */
    answered(given: string, route: string | undefined, status: number, seconds: number) {
      const labels = { method: labelledMethods.has(given) ? given : 'OTHER', route: route ?? 'unmatched' }
      requests.inc({ ...labels, status })
      requestSeconds.observe(labels, seconds)
    },
    /** Counts a request refused by a rate limit of the given class. */
    limited: (limit: string | undefined) =>
      limited.inc({ class: limitClasses.find((known) => known === limit) ?? 'other' }),
    lockedOut: () => lockedOut.inc(),
    shed: () => shed.inc(),
    hashWaited: (seconds: number) => hashWait.observe(seconds),
    connectionWaited: (seconds: number) => databaseWait.observe(seconds),
    mailed: (outcome: (typeof mailOutcomes)[number]) => mailed.inc({ outcome }),
    delivered: (outcome: (typeof mailOutcomes)[number]) => delivered.inc({ outcome }),
    /** Counts what the domain reports: refreshes, sign-ins and audit events. */
    observer,
  }
}

export type Metrics = ReturnType<typeof createMetrics>
