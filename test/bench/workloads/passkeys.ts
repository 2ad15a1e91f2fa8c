// Sign-ins by passkey compared with sign-ins by password.
import { setTimeout as sleep } from 'node:timers/promises'
import { admit, enrollPasskeys, planFor } from '../crowd.ts'
import { type Bench, Processor, pace, timesAtLeast } from '../figures.ts'
import type { Kind } from '../load.ts'
import { startLoad } from '../processes.ts'
import { alternate, type Figure, rate } from '../rounds.ts'
import { stage } from '../stage.ts'

/** A sign-in by passkey counts both of its requests, the options and the answer. */
export async function passkeys(bench: Bench): Promise<Figure[]> {
  const { place, service } = await stage(bench, 'bench_passkeys')
  const load = startLoad()
  const visitors = await admit(load, place, service, 192)
  await enrollPasskeys(place, visitors)
  await load.admit(visitors)
  const processor = new Processor()
  const by = (kind: Kind) => async (seconds: number) => {
    const run = () => load.run(planFor(place, service, { kind, seconds, manyAddresses: true }))
    const perSecond = await processor.watch(service, kind, run)
    // Waits, so that the last sign-ins of one side do not affect the other.
    await sleep(200)
    return perSecond
  }
  for (const kind of ['login', 'passkey'] as const)
    await load.run(planFor(place, service, { kind, seconds: 'once each', manyAddresses: true }))
  const found = await alternate('passkey sign-in', pace(bench.quick, 5, 3), rate, by('passkey'), {
    login: by('login'),
  })
  return [
    timesAtLeast('sign-in by passkey / by password', 5, found.login),
    processor.beside('passkey', ['login']),
  ]
}
