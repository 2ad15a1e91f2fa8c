// W6: whether the cost of a request depends on the number of users and sessions.
import { makePlace, planFor, serve } from '../crowd.ts'
import { atLeast, type Bench, pace, small } from '../figures.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { startCrowds } from '../stage.ts'

/** `login`, `me` and `refresh` with a million users compared with 2000. */
export const scale = (bench: Bench): Promise<Figure[]> =>
  beside(bench, bench.quick ? 100_000 : 1_000_000, ['login', 'me', 'refresh'])

/** `me` and `refresh` with ten million users; ten minutes and 12 GB of disk. */
export const huge = (bench: Bench): Promise<Figure[]> =>
  beside(bench, bench.quick ? 1_000_000 : 10_000_000, ['me', 'refresh'])

/** Compares a full database, with two sessions for each user, with a small one; the cache is off. */
async function beside(
  bench: Bench,
  users: number,
  kinds: readonly ('login' | 'me' | 'refresh')[],
): Promise<Figure[]> {
  const much = { users, sessions: 2 * users }
  console.log(`  scale  loading ${much.users} users and ${much.sessions} sessions`)
  const places = {
    large: await makePlace(bench.serverUrl, 'bench_large', much),
    small: await makePlace(bench.serverUrl, 'bench_small', small),
  }
  const sides = async (name: keyof typeof places) => {
    const service = await serve(places[name], bench.folder, name, { env: { SESSION_CACHE: 'off' } })
    return { place: places[name], service, ...(await startCrowds(places[name], service)) }
  }
  const [large, few] = [await sides('large'), await sides('small')]
  const figures: Figure[] = []
  for (const kind of kinds) {
    const run =
      ({ place, service, load, regulars }: typeof large) =>
      async (seconds: number) =>
        (
          await (kind === 'login' ? regulars : load).run(
            planFor(place, service, { kind, seconds, manyAddresses: true }),
          )
        ).perSecond
    const found = await alternate(`scale ${kind}`, pace(bench.quick, 5, 2), rate, run(large), {
      small: run(few),
    })
    figures.push(atLeast(`${kind}: ${much.users} users / ${small.users}`, 0.9, found.small))
  }
  return figures
}
