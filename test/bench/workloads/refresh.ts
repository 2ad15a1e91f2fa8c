// W3: a refresh compared with a bare server that runs the same statement.
import { planFor } from '../crowd.ts'
import { atLeast, type Bench, Processor, pace, timesAtLeast } from '../figures.ts'
import type { Running } from '../processes.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { stage, stagePeer, statements } from '../stage.ts'

/** `POST /refresh` in a closed loop. */
export async function refresh(bench: Bench): Promise<Figure[]> {
  const { place, service, limit, load } = await stage(bench, 'bench_refresh')
  const peer = await stagePeer(bench, { passwords: 'argon2id', sessions: 'renewed' }, 64)
  const processor = new Processor()
  const run = async (server: Running, prefix: string, seconds: number) =>
    processor.watch(server, `${prefix}refresh`, () =>
      load.run(planFor(place, server, { prefix, kind: 'refresh', seconds })),
    )
  const found = await alternate(
    'refresh',
    pace(bench.quick, 7, 1.5),
    rate,
    (seconds) => run(service, '/api/auth', seconds),
    {
      limit: (seconds) => run(limit, '', seconds),
      'limit without Drizzle': (seconds) => run(limit, '/driver', seconds),
      ...(peer && { better: peer.rate('peer session') }),
    },
  )
  return [
    ...(await statements(place, service, load, 'refresh', 'session_rotate')),
    atLeast('refresh / bare Fastify, same HMAC, statement and signature', 0.8, found.limit),
    atLeast('refresh / the same, without Drizzle', null, found['limit without Drizzle']),
    ...(found.better ? [timesAtLeast('refresh / better-auth, a renewal', 10, found.better)] : []),
    processor.figure('refresh: processor time of the Node process', [
      '/api/authrefresh',
      'refresh',
      '/driverrefresh',
    ]),
  ]
}
