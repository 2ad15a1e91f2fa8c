// Duration of a start, and memory of the process.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makePlace, serve } from '../crowd.ts'
import { atMost, type Bench, small } from '../figures.ts'
import { type Running, startBare, startService } from '../processes.ts'
import { alternate, type Figure, median, ms, type Pace } from '../rounds.ts'

/** Spawn to ready, and resident memory when idle. */
export async function start(bench: Bench): Promise<Figure[]> {
  const place = await makePlace(bench.serverUrl, 'bench_start', small)
  const log = join(bench.folder, 'start.log')
  const once = async (starting: Promise<Running>) => {
    const running = await starting
    await running.stop()
    return running.startMs
  }
  const dataDir = join(bench.folder, 'embedded')
  mkdirSync(dataDir)
  const onEmbedded = () => once(startService({ databaseUrl: null, dataDir, log }))
  await once(serve(place, bench.folder))
  await onEmbedded()
  const rounds: Pace = { rounds: bench.quick ? 5 : 9, seconds: 0, warmUpSeconds: 0 }
  const given: number[] = []
  const embedded: number[] = []
  const found = await alternate(
    'start',
    rounds,
    ms,
    async () => {
      const took = await once(serve(place, bench.folder))
      given.push(took)
      return took
    },
    {
      bare: () => once(startBare(log)),
      embedded: async () => {
        const took = await onEmbedded()
        embedded.push(took)
        return took
      },
    },
  )
  const more = median(embedded.map((took, round) => took - (given[round] ?? Number.NaN)))

  const resident: number[] = []
  for (let round = 1; round <= (bench.quick ? 1 : 3); round++) {
    const running = await serve(place, bench.folder)
    await sleep(5000)
    resident.push(running.residentMb())
    await running.stop()
  }
  const idle = median(resident)
  return [
    atMost('start to ready, given database / bare Fastify', 3, found.bare),
    {
      name: 'start to ready, embedded database (second start) over given',
      goal: '≤ 3 s more',
      measured: `${(more / 1000).toFixed(2)} s more`,
      detail: `${ms(median(embedded))} against ${ms(median(given))}`,
      met: more <= 3000,
    },
    {
      name: 'resident memory of the Node process, idle 5 s after its start',
      goal: '≤ 130 MB',
      measured: `${idle.toFixed(0)} MB`,
      detail: `runs ${resident.map((value) => value.toFixed(0)).join(', ')}`,
      met: idle <= 130,
    },
  ]
}
