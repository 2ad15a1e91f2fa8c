// The cost of the APIs of other products.
import { admit, planFor } from '../crowd.ts'
import { atLeast, type Bench, pace } from '../figures.ts'
import { startLoad } from '../processes.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { stage, startRegulars } from '../stage.ts'

/**
 * Routes of other products' contracts compared with the canonical ones. Nora's login is left out, because it allows only twenty
 * attempts of an address in 15 minutes.
 */
export async function contracts(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_contracts')
  const regulars = await startRegulars(place, service)
  // Drawn last: two groups of visitors may hold the same session, whose older refresh token would count as reuse.
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
        // Warm-up: the first use of a new token costs one more statement.
        if (over.kind === 'refresh by cookie')
          await by.run(planFor(place, service, { kind: 'me', seconds: 'once each' }))
        return (await by.run(planFor(place, service, { ...over, seconds, manyAddresses: true }))).perSecond
      }
    const found = await alternate(name, pace(bench.quick, 3, 2), rate, run(own), {
      canonical: run(canonical),
    })
    figures.push(atLeast(`${name} / the canonical route`, 0.9, found.canonical))
  }
  return figures
}
