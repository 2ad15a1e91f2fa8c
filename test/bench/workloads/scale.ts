// W6: whether the cost of a request depends on how many users and sessions there are.
import { admit, makePlace, planFor, serve } from '../crowd.ts'
import { atLeast, type Bench, pace, small } from '../figures.ts'
import { startLoad } from '../processes.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { startRegulars } from '../stage.ts'

/** `login`, `me` and `refresh` on a full database beside a small one. */
export async function scale(bench: Bench): Promise<Figure[]> {
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
    figures.push(atLeast(`${kind}: ${much.users} users / ${small.users}`, 0.9, found.small))
  }
  return figures
}
