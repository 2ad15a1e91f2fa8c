// Another build beside this one, each on a database of its own: what a change of the code costs or gains.
import { setTimeout as sleep } from 'node:timers/promises'
import { makePlace, type Place, planFor, serve } from '../crowd.ts'
import { atLeast, atMost, type Bench, Processor, pace, small } from '../figures.ts'
import type { Kind, Plan } from '../load.ts'
import type { Load, Running } from '../processes.ts'
import { alternate, type Figure, median, ms, type Pace, rate, times } from '../rounds.ts'
import { startCrowds } from '../stage.ts'

/** A build that serves a database of its own. */
interface Side {
  readonly place: Place
  readonly service: Running
  /** The same without the cache of sessions. */
  readonly uncached: Running
  readonly regulars: Load
  readonly visitors: Load
  start(): Promise<Running>
}

async function open(bench: Bench, name: string, build?: string): Promise<Side> {
  const place = await makePlace(bench.serverUrl, `bench_builds_${name}`, small, build)
  const of = build === undefined ? {} : { build }
  const service = await serve(place, bench.folder, name, of)
  const uncached = await serve(place, bench.folder, `${name}-uncached`, {
    ...of,
    env: { SESSION_CACHE: 'off' },
  })
  const { regulars, load: visitors } = await startCrowds(place, service)
  return {
    place,
    service,
    uncached,
    regulars,
    visitors,
    start: () => serve(place, bench.folder, `${name}-start`, of),
  }
}

/**
 * W1 to W5, start and memory of this build and of the one in `--against`, in turn. No figure is to be worse by more than 3 %.
 * @throws where no other build is named
 */
export async function builds(bench: Bench): Promise<Figure[]> {
  if (bench.against === undefined)
    throw new Error('Name the folder of the other build, with its `dist`: --against FOLDER')
  const now = await open(bench, 'now')
  const before = await open(bench, 'before', bench.against)
  const processor = new Processor()
  const figures: Figure[] = []

  /** Compares the rates of one kind of request. */
  async function compare(name: string, run: (side: Side, seconds: number) => Promise<number>, length = 1.5) {
    const found = await alternate(name, pace(bench.quick, 9, length), rate, (seconds) => run(now, seconds), {
      before: (seconds) => run(before, seconds),
    })
    figures.push(atLeast(`${name} / the other build`, 0.97, found.before))
  }
  const hashing = (kind: Kind) => async (side: Side, seconds: number) =>
    (await side.regulars.run(planFor(side.place, side.service, { kind, seconds, manyAddresses: true })))
      .perSecond
  const asking =
    (name: string, plan: Pick<Plan, 'kind'> & Partial<Plan>, uncached = false) =>
    (side: Side, seconds: number) => {
      const server = uncached ? side.uncached : side.service
      return processor.watch(server, `${name}${side === now ? '' : ', before'}`, () =>
        side.visitors.run(planFor(side.place, server, { ...plan, seconds })),
      )
    }
  await compare('login', hashing('login'), 3)
  await compare('signup', hashing('signup'), 3)
  await compare('me, cache on', asking('me, cache on', { kind: 'me', awake: true }))
  await compare('me, cache off', asking('me, cache off', { kind: 'me' }, true))
  await compare('refresh', asking('refresh', { kind: 'refresh' }))
  for (const name of ['me, cache on', 'me, cache off', 'refresh'])
    figures.push(processor.beside(name, [`${name}, before`]))

  for (const kind of ['me', 'refresh'] as const) figures.push(await storm(bench, kind, now, before))
  return [...figures, ...(await startAndMemory(bench, now, before))]
}

/** p99 of a kind of request while sign-ins saturate the hashes. */
async function storm(bench: Bench, kind: 'me' | 'refresh', now: Side, before: Side): Promise<Figure> {
  const run = async ({ place, service, regulars, visitors }: Side, seconds: number) => {
    const logins = regulars.run(
      planFor(place, service, { kind: 'login', seconds: seconds + 1.5, manyAddresses: true }),
    )
    await sleep(1000)
    const { p99 } = await visitors.run(planFor(place, service, { kind, seconds, connections: 4, restMs: 10 }))
    await logins
    return p99
  }
  const found = await alternate(
    `storm ${kind}`,
    pace(bench.quick, 7, 3),
    ms,
    (seconds) => run(now, seconds),
    { before: (seconds) => run(before, seconds) },
  )
  return atMost(`p99 of ${kind} among sign-ins / the other build`, 1.03, found.before)
}

/** From spawn to ready, and resident memory five seconds later and at the end of everything above. */
async function startAndMemory(bench: Bench, now: Side, before: Side): Promise<Figure[]> {
  const full = { now: now.service.residentMb(), before: before.service.residentMb() }
  const idle: Record<'now' | 'before', number[]> = { now: [], before: [] }
  const run = async (side: Side) => {
    const running = await side.start()
    await sleep(5000)
    idle[side === now ? 'now' : 'before'].push(running.residentMb())
    await running.stop()
    return running.startMs
  }
  for (const side of [now, before]) await Promise.all([side.service.stop(), side.uncached.stop()])
  const rounds: Pace = { rounds: bench.quick ? 3 : 7, seconds: 0, warmUpSeconds: 0 }
  const found = await alternate('start', rounds, ms, () => run(now), { before: () => run(before) })
  const memory = (name: string, ours: number, others: number): Figure => ({
    name,
    goal: '≤ 1.03 ×',
    measured: times(ours / others),
    detail: `${ours.toFixed(0)} against ${others.toFixed(0)} MB`,
    met: ours / others <= 1.03,
  })
  return [
    atMost('start to ready / the other build', 1.03, found.before),
    memory('resident memory, idle / the other build', median(idle.now), median(idle.before)),
    memory('resident memory, after all this / the other build', full.now, full.before),
  ]
}
