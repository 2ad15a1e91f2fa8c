// The scheduler bounds what runs and what waits, keeps the order, and forgets nothing when work fails.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import {
  type Asker,
  createHashScheduler,
  HashQueueFull,
  type HashScheduler,
} from '../../src/crypto/hash-scheduler.ts'

/** Runs work in a slot of the scheduler. */
async function run<T>(scheduler: HashScheduler, work: () => T | Promise<T>, asker?: Asker): Promise<T> {
  const slot = await scheduler.acquire(asker)
  try {
    return await work()
  } finally {
    slot.release()
  }
}

/** Work that runs until it is told to end. */
function held() {
  let release = () => {}
  const until = new Promise<void>((resolve) => {
    release = resolve
  })
  return { work: () => until, release }
}
// The deadline's timer does not keep a process alive; a service has sockets for that, this file has an interval.
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('never more run than there are slots, and all are answered', async (t) => {
  const scheduler = createHashScheduler({ slots: 3, queue: 100 })
  let running = 0
  let most = 0
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      run(scheduler, async () => {
        most = Math.max(most, ++running)
        await turn()
        running--
        return i
      }),
    ),
  )
  t.equal(most, 3)
  t.same(
    answers,
    Array.from({ length: 40 }, (_, i) => i),
  )
  t.same(scheduler.depth(), { running: 0, waiting: 0, capacity: 100 })
})

t.test('who waits is served in the order of arrival', async (t) => {
  const scheduler = createHashScheduler({ slots: 1 })
  const order: number[] = []
  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      run(scheduler, async () => {
        order.push(i)
        await turn()
      }),
    ),
  )
  t.same(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

/** Fills a scheduler's only slot; `log` gets who is served, and `refused` who is not, in order. */
function crowded(queue: number) {
  const waits: number[] = []
  const scheduler = createHashScheduler({ slots: 1, queue, onBegin: (waitedMs) => waits.push(waitedMs) })
  const { work, release } = held()
  const all: Promise<unknown>[] = [run(scheduler, work, { project: 'any', address: 'any' })]
  const log: string[] = []
  const refused: string[] = []
  const ask = (project: string, address: string, name = `${project} ${address}`) => {
    const served = run(scheduler, async () => void log.push(name), { project, address })
    all.push(
      served.catch((error) => {
        if (!(error instanceof HashQueueFull)) throw error
        refused.push(name)
      }),
    )
  }
  async function finish() {
    release()
    await Promise.all(all)
  }
  return { scheduler, ask, finish, log, refused, waits }
}

t.test('a flood of a thousand from one address: somebody from another is next but one', async (t) => {
  const { ask, finish, log, refused, waits } = crowded(64)
  for (let i = 0; i < 1000; i++) ask('one', 'flood')
  ask('one', 'person')
  await finish()
  t.ok(log.indexOf('one person') <= 1, `place ${log.indexOf('one person')}`)
  t.equal(log.length, 64)
  t.equal(refused.length, 1000 - 63)
  t.notOk(refused.includes('one person'))
  t.equal(waits.length, 65, 'each hash that begins tells its wait')
  t.equal(waits[0], 0)
  t.ok(waits.slice(1).every((waited) => waited > 0))
})

t.test('a flood in one project, from a thousand addresses: another project is next but one', async (t) => {
  const { ask, finish, log, refused } = crowded(64)
  for (let i = 0; i < 1000; i++) ask('flooded', `address ${i}`)
  ask('other', 'person')
  ask('flooded', 'latecomer')
  await finish()
  t.ok(log.indexOf('other person') <= 1, `place ${log.indexOf('other person')}`)
  t.notOk(refused.includes('other person'))
  t.ok(refused.includes('flooded latecomer'), 'the newest of the largest crowd makes room')
})

t.test(
  'projects take turns, in each project addresses do, and each address is served in order',
  async (t) => {
    const { ask, finish, log } = crowded(64)
    for (const name of ['a1', 'a2', 'a3']) ask('A', 'x', name)
    for (const name of ['a4', 'a5']) ask('A', 'y', name)
    for (const name of ['b1', 'b2']) ask('B', 'x', name)
    await finish()
    t.same(log, ['a1', 'b1', 'a4', 'b2', 'a2', 'a5', 'a3'])
  },
)

t.test('who makes room is the newest of the longest line, and what they asked is not begun', async (t) => {
  const { scheduler, ask, finish, log, refused } = crowded(4)
  for (const name of ['long 1', 'long 2', 'long 3']) ask('A', 'x', name)
  ask('A', 'y', 'short')
  ask('B', 'x', 'small')
  ask('B', 'y', 'smaller')
  t.equal(scheduler.depth().waiting, 4)
  ask('A', 'x', 'long 4')
  await finish()
  t.same(refused, ['long 3', 'long 2', 'long 4'])
  t.same(log, ['long 1', 'small', 'short', 'smaller'])
  t.same(scheduler.depth(), { running: 0, waiting: 0, capacity: 4 })
})

t.test('beyond the queue work is refused at once and not begun', async (t) => {
  const scheduler = createHashScheduler({ slots: 1, queue: 2 })
  const { work, release } = held()
  const accepted = [run(scheduler, work), run(scheduler, work), run(scheduler, work)]
  t.same(scheduler.depth(), { running: 1, waiting: 2, capacity: 2 })
  let begun = false
  const refused = run(scheduler, async () => {
    begun = true
  })
  const error = await refused.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  t.ok(error instanceof HashQueueFull)
  t.ok((error as HashQueueFull).retryAfterSeconds >= 1)
  release()
  await Promise.all(accepted)
  t.notOk(begun)
  t.equal(await run(scheduler, async () => 'served'), 'served', 'and later ones are served again')
})

t.test('who waits past the deadline is refused, who came later keeps waiting', async (t) => {
  const scheduler = createHashScheduler({ slots: 1, deadlineMs: 400 })
  const { work, release } = held()
  const first = run(scheduler, work)
  let begun = false
  const early = run(scheduler, async () => {
    begun = true
  })
  const refusal = early.catch((error: unknown) => error)
  await sleep(250)
  const late = run(scheduler, async () => 'late')
  const error = await refusal
  t.ok(error instanceof HashQueueFull)
  t.equal(scheduler.depth().waiting, 1)
  release()
  await first
  t.equal(await late, 'late')
  t.notOk(begun, 'nothing was computed for the one who was refused')
})

t.test('a deadline is watched again after the queue was empty', async (t) => {
  const scheduler = createHashScheduler({ slots: 1, deadlineMs: 40 })
  await Promise.all([run(scheduler, turn), run(scheduler, turn)])
  const { work, release } = held()
  const first = run(scheduler, work)
  await t.rejects(run(scheduler, turn), HashQueueFull)
  release()
  await first
})

t.test('work that fails gives its slot back, and its error to its caller alone', async (t) => {
  const scheduler = createHashScheduler({ slots: 2 })
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      run(scheduler, async () => {
        await turn()
        if (i % 2) throw new Error(`number ${i}`)
        return i
      }),
    ),
  )
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') t.equal(outcome.value, i)
    else t.equal((outcome.reason as Error).message, `number ${i}`)
    t.equal(outcome.status, i % 2 ? 'rejected' : 'fulfilled')
  }
  const thrown = () =>
    run(scheduler, () => {
      throw new Error('before it began')
    })
  for (let i = 0; i < 5; i++) await t.rejects(thrown(), { message: 'before it began' })
  t.same([scheduler.depth().running, scheduler.depth().waiting], [0, 0])
})
