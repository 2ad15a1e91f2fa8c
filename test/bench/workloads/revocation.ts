// W7: for how long another instance accepts a session after its end was acknowledged; and the memory of a full cache.
import { admit, makePlace, planFor, serve } from '../crowd.ts'
import type { Bench } from '../figures.ts'
import { startLoad } from '../processes.ts'
import { type Figure, ms } from '../rounds.ts'

const goalMs = 100
const goalMb = 150

/** Two instances on one database: sign-out at one, the access token sent to the other. */
export async function revocation(bench: Bench): Promise<Figure[]> {
  const sessions = bench.quick ? 4000 : 15_000
  const place = await makePlace(bench.serverUrl, 'bench_revocation', { users: sessions, sessions })
  const [one, other] = [await serve(place, bench.folder, 'one'), await serve(place, bench.folder, 'other')]
  const load = startLoad()
  const count = Math.min(sessions, 12_000)
  console.log(`  revocation  ${count} sessions, known to both instances`)
  await admit(load, place, one, count)
  await load.run(planFor(place, other, { kind: 'me', seconds: 'once each' }))
  const lags = await load.revoke({
    ...planFor(place, one, { kind: 'logout', seconds: 'once each' }),
    otherPort: other.port,
    times: bench.quick ? 100 : 500,
  })
  lags.sort((a, b) => a - b)
  const p99 = lags[Math.ceil(lags.length * 0.99) - 1] ?? Number.NaN
  const resident = Math.max(one.residentMb(), other.residentMb())
  return [
    {
      name: 'revocation: last acceptance by another instance after the acknowledgement, p99',
      goal: `≤ ${goalMs} ms`,
      measured: ms(p99),
      detail: `${lags.length} sign-outs; median ${ms(lags[Math.floor(lags.length / 2)] ?? Number.NaN)}, at most ${ms(lags.at(-1) ?? Number.NaN)}`,
      met: p99 <= goalMs,
    },
    {
      name: 'resident memory of a worker after it, cache filled',
      goal: `≤ ${goalMb} MB`,
      measured: `${resident.toFixed(0)} MB`,
      detail: `${count} sessions seen by each`,
      met: resident <= goalMb,
    },
  ]
}
