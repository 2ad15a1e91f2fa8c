// W2: an authenticated request compared with a bare route, with the session cache and without.
import { planFor, serve } from '../crowd.ts'
import { atLeast, type Bench, Processor, pace, timesAtLeast } from '../figures.ts'
import type { Kind } from '../load.ts'
import type { Running } from '../processes.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { stage, stagePeer, statements } from '../stage.ts'

/** `GET /me` by bearer token and by cookie. */
export async function me(bench: Bench): Promise<Figure[]> {
  const { place, service: cached, limit, load } = await stage(bench, 'bench_me')
  const asking = await serve(place, bench.folder, 'asking', { env: { SESSION_CACHE: 'off' } })
  const peer = await stagePeer(bench, { passwords: 'argon2id', sessions: 'plain' }, 64)
  const cookies = await stagePeer(bench, { passwords: 'argon2id', sessions: 'cached' }, 64)
  const processor = new Processor()
  const run =
    (server: Running, side: string, prefix: string, kind: Kind, awake = false) =>
    async (seconds: number) =>
      processor.watch(server, side, () => load.run(planFor(place, server, { prefix, kind, seconds, awake })))
  // No request uses the database, so the generator may occupy a core.
  const found = await alternate(
    'me',
    pace(bench.quick, 5, 1.5),
    rate,
    run(cached, 'cache on', '/api/auth', 'me', true),
    {
      cookie: run(cached, 'by cookie', '/api/auth', 'me by cookie', true),
      constant: run(limit, 'constant', '', 'constant', true),
      answer: run(limit, 'the same answer', '/answer', 'constant', true),
      ...(peer && { better: peer.rate('peer session') }),
      ...(cookies && { 'better, cookie cache': cookies.rate('peer session') }),
    },
  )
  const off = await alternate(
    'me, no cache',
    pace(bench.quick, 5, 1.5),
    rate,
    run(asking, 'cache off', '/api/auth', 'me'),
    {
      constant: run(limit, 'constant', '', 'constant'),
      limit: run(limit, 'limit', '', 'me'),
      'limit without Drizzle': run(limit, 'limit without Drizzle', '/driver', 'me'),
      ...(peer && { better: peer.rate('peer session') }),
    },
  )
  return [
    ...(await statements(place, asking, load, 'me', 'session_look')),
    atLeast('me, cache on / bare Fastify, a constant', 0.5, found.constant),
    atLeast('me, cache on / bare Fastify, the same answer by a schema', null, found.answer),
    atLeast('me, cache on / the same by cookie', null, found.cookie),
    ...(found.better ? [timesAtLeast('me, cache on / better-auth get-session', 25, found.better)] : []),
    ...(found['better, cookie cache']
      ? [timesAtLeast('me, cache on / the same with its cookie cache', 1, found['better, cookie cache'])]
      : []),
    atLeast('me, cache off / bare Fastify, a constant', 0.22, off.constant),
    atLeast('me, cache off / bare Fastify, same token and statement', 0.7, off.limit),
    atLeast('me, cache off / the same, without Drizzle', null, off['limit without Drizzle']),
    ...(off.better ? [timesAtLeast('me, cache off / better-auth get-session', 15, off.better)] : []),
    processor.beside('cache on', [
      'by cookie',
      'the same answer',
      'constant',
      'cache off',
      'limit',
      'limit without Drizzle',
    ]),
  ]
}

/** API keys and introspection compared with `me`, all with the cache off. */
export async function keys(bench: Bench): Promise<Figure[]> {
  const { place, service, load } = await stage(bench, 'bench_keys', { SESSION_CACHE: 'off' })
  const processor = new Processor()
  const run = (kind: Kind) => async (seconds: number) =>
    processor.watch(service, kind, () => load.run(planFor(place, service, { kind, seconds })))
  const figures = [
    ...(await statements(place, service, load, 'me by key', 'api_key_look', 'api_keys')),
    ...(await statements(place, service, load, 'introspect', 'session_look')),
    ...(await statements(place, service, load, 'introspect key', 'api_key_look', 'api_keys')),
  ]
  for (const kind of ['me by key', 'introspect', 'introspect key'] as const) {
    // Warm-up: the first use of a key in a minute writes; the others are compared.
    await place.sql`update api_keys set last_used_at = now() + interval '10 minutes'`
    await place.sql`vacuum api_keys`
    const found = await alternate(kind, pace(bench.quick, 5, 1.5), rate, run(kind), { me: run('me') })
    figures.push(atLeast(`${kind} / me`, 0.8, found.me))
  }
  return [...figures, processor.beside('me', ['me by key', 'introspect', 'introspect key'])]
}
