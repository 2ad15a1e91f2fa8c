// The workloads, each a question of the service's promises, answered as figures.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { admit, connections, makePlace, type Place, planFor, serve } from './crowd.ts'
import type { Kind, Outcome } from './load.ts'
import {
  endAll,
  type Load,
  type Running,
  startBare,
  startHashing,
  startLimit,
  startLoad,
  startService,
} from './processes.ts'
import {
  alternate,
  type Compared,
  type Figure,
  median,
  ms,
  type Pace,
  percent,
  rate,
  times,
} from './rounds.ts'

export interface Bench {
  readonly serverUrl: string
  /** For logs and data. */
  readonly folder: string
  readonly quick: boolean
}

const small = { users: 2000, sessions: 4000 }

const pace = (quick: boolean, rounds: number, seconds: number): Pace =>
  quick
    ? { rounds: 5, seconds: Math.min(seconds, 3), warmUpSeconds: 1 }
    : { rounds, seconds, warmUpSeconds: 3 }

const atLeast = (name: string, goal: number | null, found: Compared, show = rate): Figure => ({
  name,
  goal: goal === null ? 'for information' : `≥ ${goal * 100} %`,
  measured: percent(found.ratio),
  detail: `${show(found.ours)} against ${show(found.other)}; rounds ${found.spread}`,
  met: goal === null ? null : found.ratio >= goal,
})

const atMost = (name: string, goal: number, found: Compared, show = ms): Figure => ({
  name,
  goal: `≤ ${goal} ×`,
  measured: times(found.ratio),
  detail: `${show(found.ours)} against ${show(found.other)}; rounds ${found.spread}`,
  met: found.ratio <= goal,
})

/** Processor time for each request: what a rate is made of, and steadier than a rate where the machine has other work. */
class Processor {
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

  /** One side, and the others beside it. */
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

/** The service and its limit on a small database of their own, and a generator with visitors of the service. */
async function stage(bench: Bench, name: string) {
  const place = await makePlace(bench.serverUrl, name, small)
  const [service, limit] = [
    await serve(place, bench.folder),
    await startLimit(place.url, join(bench.folder, 'limit.log')),
  ]
  const load = startLoad()
  await admit(load, place, service)
  return { place, service, limit, load }
}

/** A generator of people who have signed in from their address before: the first time costs a row and a mail more. */
async function startRegulars(place: Place, service: Running): Promise<Load> {
  const load = startLoad()
  await admit(load, place, service, 192)
  for (const manyAddresses of [true, false])
    await load.run(planFor(place, service, { kind: 'login', seconds: 'once each', manyAddresses }))
  return load
}

async function login(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_login')
  const load = await startRegulars(place, service)
  const hash = await startHashing()
  const raw = { 'raw argon2id': async (seconds: number) => (await hash(seconds)).perSecond }
  const from = (manyAddresses: boolean) => async (seconds: number) =>
    (await load.run(planFor(place, service, { kind: 'login', seconds, manyAddresses }))).perSecond
  const many = await alternate('login', pace(bench.quick, 11, 4), rate, from(true), raw)
  const one = await alternate('login, one address', pace(bench.quick, 7, 4), rate, from(false), raw)
  return [
    atLeast('login / raw argon2id on all cores', 0.85, many['raw argon2id']),
    atLeast('the same, all clients behind one address', 0.85, one['raw argon2id']),
  ]
}

async function me(bench: Bench): Promise<Figure[]> {
  const { place, service, limit, load } = await stage(bench, 'bench_me')
  const processor = new Processor()
  const run = async (server: Running, prefix: string, kind: 'me' | 'constant', seconds: number) =>
    processor.watch(server, prefix + kind, () => load.run(planFor(place, server, { prefix, kind, seconds })))
  const found = await alternate(
    'me',
    pace(bench.quick, 21, 1.5),
    rate,
    (seconds) => run(service, '/api/auth', 'me', seconds),
    {
      limit: (seconds) => run(limit, '', 'me', seconds),
      'limit without Drizzle': (seconds) => run(limit, '/driver', 'me', seconds),
      constant: (seconds) => run(limit, '', 'constant', seconds),
    },
  )
  return [
    ...(await statements(place, service, load, 'me', 'session_look')),
    atLeast('me / bare Fastify, same token and statement', 0.7, found.limit),
    atLeast('me / the same, without Drizzle', null, found['limit without Drizzle']),
    atLeast('me / bare Fastify, a constant', null, found.constant),
    processor.figure('me: processor time of the Node process', ['/api/authme', 'me', '/driverme']),
  ]
}

async function keys(bench: Bench): Promise<Figure[]> {
  const { place, service, load } = await stage(bench, 'bench_keys')
  const processor = new Processor()
  const run = (kind: Kind) => async (seconds: number) =>
    processor.watch(service, kind, () => load.run(planFor(place, service, { kind, seconds })))
  const figures = [
    ...(await statements(place, service, load, 'me by key', 'api_key_look', 'api_keys')),
    ...(await statements(place, service, load, 'introspect', 'session_look')),
    ...(await statements(place, service, load, 'introspect key', 'api_key_look', 'api_keys')),
  ]
  for (const kind of ['me by key', 'introspect', 'introspect key'] as const) {
    // The first use of a key in a minute writes; what is compared is every other use.
    await place.sql`update api_keys set last_used_at = now() + interval '10 minutes'`
    await place.sql`vacuum api_keys`
    const found = await alternate(kind, pace(bench.quick, 21, 1.5), rate, run(kind), { me: run('me') })
    figures.push(atLeast(`${kind} / me`, 0.8, found.me))
  }
  return [...figures, processor.beside('me', ['me by key', 'introspect', 'introspect key'])]
}

async function refresh(bench: Bench): Promise<Figure[]> {
  const { place, service, limit, load } = await stage(bench, 'bench_refresh')
  const processor = new Processor()
  const run = async (server: Running, prefix: string, seconds: number) =>
    processor.watch(server, `${prefix}refresh`, () =>
      load.run(planFor(place, server, { prefix, kind: 'refresh', seconds })),
    )
  const found = await alternate(
    'refresh',
    pace(bench.quick, 21, 1.5),
    rate,
    (seconds) => run(service, '/api/auth', seconds),
    {
      limit: (seconds) => run(limit, '', seconds),
      'limit without Drizzle': (seconds) => run(limit, '/driver', seconds),
    },
  )
  return [
    ...(await statements(place, service, load, 'refresh', 'session_rotate')),
    atLeast('refresh / bare Fastify, same HMAC, statement and signature', 0.7, found.limit),
    atLeast('refresh / the same, without Drizzle', null, found['limit without Drizzle']),
    processor.figure('refresh: processor time of the Node process', [
      '/api/authrefresh',
      'refresh',
      '/driverrefresh',
    ]),
  ]
}

/** Statements that the database saw for each request; the project's cache and the courier read beside, once a second or less. */
async function statements(
  place: Place,
  service: Running,
  load: Load,
  kind: Kind,
  name: string,
  table = 'sessions',
): Promise<Figure[]> {
  const { sql } = place
  const seconds = 2
  const { pathname } = new URL(place.url)
  await sql.unsafe(`create extension if not exists pg_stat_statements;
    alter database ${pathname.slice(1)} set pg_stat_statements.track = 'all'`)
  // The setting counts for new connections, so the pool of the running service is made to reconnect.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sallyport' and datname = current_database()`
  await sleep(1500)
  // The first statement on each connection is prepared; let that be over.
  await load.run(planFor(place, service, { kind, seconds: 1 }))
  await sql`select pg_stat_statements_reset()`
  const { requests } = await load.run(planFor(place, service, { kind, seconds }))
  const rows = await sql<{ query: string; calls: number }[]>`
    select query, calls::int from pg_stat_statements join pg_database on pg_database.oid = dbid
    where datname = current_database() and query like ${`%${table}%`} and query not like '%pg_stat%'`
  const calls = rows.reduce((sum, row) => sum + row.calls, 0)
  const others = await sql<{ calls: number }[]>`
    select coalesce(sum(calls), 0)::int as calls from pg_stat_statements join pg_database on pg_database.oid = dbid
    where datname = current_database() and query not like ${`%${table}%`} and query not like '%pg_stat%'`
  await sql.unsafe(`alter database ${pathname.slice(1)} reset pg_stat_statements.track`)
  return [
    {
      name: `${kind}: statements for each request (${name})`,
      goal: '1',
      measured: (calls / requests).toFixed(3),
      detail: `${requests} requests, ${calls} statements in ${rows.length} spelling(s); ${others[0]?.calls ?? 0} others in ${seconds} s`,
      met: calls === requests && rows.length === 1,
    },
  ]
}

async function storm(bench: Bench): Promise<Figure[]> {
  const { place, service, load } = await stage(bench, 'bench_storm')
  const stormers = await startRegulars(place, service)
  const figures: Figure[] = []
  for (const kind of ['me', 'refresh'] as const) {
    const probe = async (seconds: number) =>
      (await load.run(planFor(place, service, { kind, seconds, connections: 4, restMs: 10 }))).p99
    const found = await alternate(
      `storm ${kind}`,
      pace(bench.quick, 7, 6),
      ms,
      async (seconds) => {
        const logins = stormers.run(
          planFor(place, service, { kind: 'login', seconds: seconds + 1.5, manyAddresses: true }),
        )
        await sleep(1000)
        const p99 = await probe(seconds)
        await logins
        return p99
      },
      { idle: probe },
    )
    figures.push(atMost(`p99 of ${kind}: logins saturate / idle`, 3, found.idle))
  }
  return figures
}

async function start(bench: Bench): Promise<Figure[]> {
  const place = await makePlace(bench.serverUrl, 'bench_start', small)
  const log = join(bench.folder, 'start.log')
  const once = async (starting: Promise<Running>) => {
    const running = await starting
    await running.stop()
    return running.startMs
  }
  const dataDir = join(bench.folder, 'embedded')
  mkdirSync(dataDir)
  const onEmbedded = () => once(startService({ databaseUrl: null, dataDir, log }))
  await once(serve(place, bench.folder))
  await onEmbedded()
  const rounds: Pace = { rounds: bench.quick ? 5 : 15, seconds: 0, warmUpSeconds: 0 }
  const given: number[] = []
  const embedded: number[] = []
  const found = await alternate(
    'start',
    rounds,
    ms,
    async () => {
      const took = await once(serve(place, bench.folder))
      given.push(took)
      return took
    },
    {
      bare: () => once(startBare(log)),
      embedded: async () => {
        const took = await onEmbedded()
        embedded.push(took)
        return took
      },
    },
  )
  const more = median(embedded.map((took, round) => took - (given[round] ?? Number.NaN)))

  const resident: number[] = []
  for (let round = 1; round <= (bench.quick ? 1 : 3); round++) {
    const running = await serve(place, bench.folder)
    await sleep(5000)
    resident.push(running.residentMb())
    await running.stop()
  }
  const idle = median(resident)
  return [
    atMost('start to ready, given database / bare Fastify', 3, found.bare),
    {
      name: 'start to ready, embedded database (second start) over given',
      goal: '≤ 3 s more',
      measured: `${(more / 1000).toFixed(2)} s more`,
      detail: `${ms(median(embedded))} against ${ms(median(given))}`,
      met: more <= 3000,
    },
    {
      name: 'resident memory of the Node process, idle 5 s after its start',
      goal: '≤ 130 MB',
      measured: `${idle.toFixed(0)} MB`,
      detail: `runs ${resident.map((value) => value.toFixed(0)).join(', ')}`,
      met: idle <= 130,
    },
  ]
}

async function scale(bench: Bench): Promise<Figure[]> {
  const much = bench.quick ? { users: 100_000, sessions: 200_000 } : { users: 1_000_000, sessions: 2_000_000 }
  console.log(`  scale  loading ${much.users} users and ${much.sessions} sessions`)
  const places = {
    large: await makePlace(bench.serverUrl, 'bench_large', much),
    small: await makePlace(bench.serverUrl, 'bench_small', small),
  }
  const sides = async (name: keyof typeof places) => {
    const service = await serve(places[name], bench.folder, name)
    const load = startLoad()
    await admit(load, places[name], service)
    return { place: places[name], service, load, regulars: await startRegulars(places[name], service) }
  }
  const [large, few] = [await sides('large'), await sides('small')]
  const figures: Figure[] = []
  for (const kind of ['login', 'me', 'refresh'] as const) {
    const run =
      ({ place, service, load, regulars }: typeof large) =>
      async (seconds: number) =>
        (
          await (kind === 'login' ? regulars : load).run(
            planFor(place, service, { kind, seconds, manyAddresses: true }),
          )
        ).perSecond
    const found = await alternate(`scale ${kind}`, pace(bench.quick, 15, 2.5), rate, run(large), {
      small: run(few),
    })
    figures.push(atLeast(`${kind}: ${much.users} users / ${small.users}`, 0.85, found.small))
  }
  return figures
}

/**
 * Routes of other products' contracts beside the canonical ones. Nora's login is not among them: it takes twenty tries
 * of an address in a quarter of an hour.
 */
async function contracts(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_contracts')
  const regulars = await startRegulars(place, service)
  // Drawn last: two crowds may hold the same session, and the older refresh token of it would be reuse.
  const load = startLoad()
  await admit(load, place, service)
  const nodeloom = '/nodeloom/api/auth'
  const figures: Figure[] = []
  for (const [name, own, canonical] of [
    [
      'NodeLoom login',
      [regulars, { kind: 'login', prefix: nodeloom }],
      [regulars, { kind: 'login', prefix: '/api/auth' }],
    ],
    [
      'NodeLoom refresh',
      [load, { kind: 'refresh by cookie', prefix: nodeloom }],
      [load, { kind: 'refresh', prefix: '/api/auth' }],
    ],
    ['Nora me', [load, { kind: 'me', prefix: '/nora/auth' }], [load, { kind: 'me', prefix: '/api/auth' }]],
  ] as const) {
    const run =
      ([by, over]: typeof own | typeof canonical) =>
      async (seconds: number) => {
        // The first use of a new token costs a statement more; let that be over.
        if (over.kind === 'refresh by cookie')
          await by.run(planFor(place, service, { kind: 'me', seconds: 'once each' }))
        return (await by.run(planFor(place, service, { ...over, seconds, manyAddresses: true }))).perSecond
      }
    const found = await alternate(name, pace(bench.quick, 11, 2), rate, run(own), {
      canonical: run(canonical),
    })
    figures.push(atLeast(`${name} / the canonical route`, 0.9, found.canonical))
  }
  return figures
}

/** What `npm run bench -- <name>` runs; without a name, all of them in this order. */
export const workloads: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  login,
  me,
  keys,
  refresh,
  storm,
  start,
  scale,
  contracts,
}

export { connections, endAll }
