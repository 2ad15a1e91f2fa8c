// W5: what a storm of sign-ins does to everybody else.
import { setTimeout as sleep } from 'node:timers/promises'
import { admit, planFor } from '../crowd.ts'
import { atMost, type Bench, pace } from '../figures.ts'
import { startLoad } from '../processes.ts'
import { alternate, type Figure, median, ms, percent } from '../rounds.ts'
import { stage, stagePeer, startRegulars } from '../stage.ts'

/** p99 of `me` and `refresh` while sign-ins saturate the hashes, and what the sign-ins still reach. */
export async function storm(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_storm')
  const stormers = await startRegulars(place, service)
  // Drawn last, so that it holds nobody of those who sign in, nor a session that an earlier crowd has refreshed.
  const load = startLoad()
  await admit(load, place, service)
  const signIn = (seconds: number) =>
    stormers.run(planFor(place, service, { kind: 'login', seconds, manyAddresses: true }))
  const figures: Figure[] = []
  const parts: number[] = []
  for (const kind of ['me', 'refresh'] as const) {
    const probe = async (seconds: number) =>
      (await load.run(planFor(place, service, { kind, seconds, connections: 4, restMs: 10 }))).p99
    const alone = (await signIn(4)).perSecond
    const found = await alternate(
      `storm ${kind}`,
      pace(bench.quick, 5, 4),
      ms,
      async (seconds) => {
        const [logins, p99] = await Promise.all([
          signIn(seconds + 1.5),
          sleep(1000).then(() => probe(seconds)),
        ])
        parts.push(logins.perSecond / alone)
        return p99
      },
      { idle: probe },
    )
    figures.push(atMost(`p99 of ${kind}: logins saturate / idle`, 2.5, found.idle))
  }
  figures.push({
    name: 'logins beside those requests / alone',
    goal: '≥ 90 %',
    measured: percent(median(parts)),
    detail: `rounds ${Math.min(...parts).toFixed(2)} to ${Math.max(...parts).toFixed(2)}`,
    met: median(parts) >= 0.9,
  })
  return [...figures, ...(await peerInStorm(bench))]
}

/** The same of the peer, for information. */
async function peerInStorm(bench: Bench): Promise<Figure[]> {
  const peer = await stagePeer(bench, { passwords: 'scrypt', sessions: 'plain' }, 32)
  if (!peer) return []
  const stormers = await stagePeer(bench, { passwords: 'scrypt', sessions: 'plain' }, 32, peer)
  if (!stormers) return []
  const probe = async (seconds: number) =>
    (await peer.run('peer session', seconds, { connections: 4, restMs: 10 })).p99
  const found = await alternate(
    'storm, better-auth',
    pace(bench.quick, 2, 3),
    ms,
    async (seconds) => {
      const [, p99] = await Promise.all([
        stormers.run('peer login', seconds + 1.5, {}),
        sleep(1000).then(() => probe(seconds)),
      ])
      return p99
    },
    { idle: probe },
  )
  return [
    {
      ...atMost('better-auth: p99 of get-session, logins saturate / idle', 1, found.idle),
      goal: 'for information',
      met: null,
    },
  ]
}
