// W5: the effect of many sign-ins on other requests.
import { setTimeout as sleep } from 'node:timers/promises'
import { makePlace, planFor, serve } from '../crowd.ts'
import { atMost, type Bench, pace, small } from '../figures.ts'
import { alternate, type Figure, median, ms, percent } from '../rounds.ts'
import { stagePeer, startCrowds } from '../stage.ts'

/** Runs both: the sign-ins begin a second before the probe and end after it. */
const amid = <S, P>(
  storm: (seconds: number) => Promise<S>,
  probe: (seconds: number) => Promise<P>,
  seconds: number,
): Promise<[S, P]> => Promise.all([storm(seconds + 1.5), sleep(1000).then(() => probe(seconds))])

/** p99 of `me` and `refresh` while sign-ins saturate the hashes, and the rate of these sign-ins. */
export async function storm(bench: Bench): Promise<Figure[]> {
  const place = await makePlace(bench.serverUrl, 'bench_storm', small)
  const service = await serve(place, bench.folder)
  const { regulars: stormers, load } = await startCrowds(place, service)
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
      pace(bench.quick, 5, 3),
      ms,
      async (seconds) => {
        const [logins, p99] = await amid(signIn, probe, seconds)
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

/** The same of better-auth, for information. */
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
      const [, p99] = await amid((longer) => stormers.run('peer login', longer, {}), probe, seconds)
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
