// The set-up of most workloads: the service and the limit server on a small database, visitors, and better-auth.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { admit, makePlace, type Place, password, planFor, serve } from './crowd.ts'
import { type Bench, small } from './figures.ts'
import type { Kind, Plan } from './load.ts'
import { installPeer, type PeerSettings, startPeer } from './peer.ts'
import { type Load, type Running, startLimit, startLoad } from './processes.ts'
import type { Figure } from './rounds.ts'

/** The service and the limit server on a small database, and a generator with visitors of the service. */
export async function stage(bench: Bench, name: string, env: Record<string, string> = {}) {
  const place = await makePlace(bench.serverUrl, name, small)
  const [service, limit] = [
    await serve(place, bench.folder, 'service', { env }),
    await startLimit(place.url, join(bench.folder, 'limit.log')),
  ]
  const load = startLoad()
  await admit(load, place, service)
  return { place, service, limit, load }
}

/** A generator of users who have signed in from their address before; the first time costs another row and a mail. */
export async function startRegulars(place: Place, service: Running): Promise<Load> {
  const load = startLoad()
  for (const { email } of await admit(load, place, service, 192)) place.regulars.add(email)
  for (const manyAddresses of [true, false])
    await load.run(planFor(place, service, { kind: 'login', seconds: 'once each', manyAddresses }))
  return load
}

/** Users who sign in repeatedly, and other users as visitors. */
export async function startCrowds(place: Place, service: Running): Promise<{ regulars: Load; load: Load }> {
  const regulars = await startRegulars(place, service)
  const load = startLoad()
  await admit(load, place, service)
  return { regulars, load }
}

/** Starts better-auth with signed-in users. @param beside a running one to use @returns its generator; null if not installable */
export async function stagePeer(
  bench: Bench,
  how: Pick<PeerSettings, 'passwords' | 'sessions'>,
  people: number,
  beside?: { readonly server: Running },
) {
  if (!installPeer()) return null
  const name = `bench_peer_${how.passwords}_${how.sessions}`
  const log = join(bench.folder, `${name}.log`)
  const peer = beside?.server ?? (await startPeer(bench.serverUrl, name, { ...how, log }))
  const load = startLoad()
  const plan = (kind: Kind, seconds: Plan['seconds'], over: Partial<Plan> = {}): Plan => ({
    port: peer.port,
    projectId: '',
    projectSecret: '',
    password,
    prefix: '',
    kind,
    connections: 32,
    seconds,
    ...over,
  })
  const nobody = { access: '', refresh: '', apiKey: '' }
  await load.admit(
    Array.from({ length: people }, (_, n) => ({
      email: `peer-${process.hrtime.bigint()}-${n}@example.com`,
      ...nobody,
    })),
  )
  await load.run(plan('peer join', 'once each'))
  await load.run(plan('peer login', 'once each'))
  return {
    server: peer,
    rate: (kind: Kind) => async (seconds: number) => (await load.run(plan(kind, seconds))).perSecond,
    run: (kind: Kind, seconds: number, over: Partial<Plan>) => load.run(plan(kind, seconds, over)),
  }
}

/** Statements for each request. The project cache and the mail job add at most one a second each. */
export async function statements(
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
  // The setting applies to new connections, so the pool of the running service must reconnect.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sallyport' and datname = current_database()`
  await sleep(1500)
  // Warm-up: each connection prepares its statements first.
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
