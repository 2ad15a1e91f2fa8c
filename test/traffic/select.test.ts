// The second half of `npm run record-traffic`: makes a fixture of what the tests of this version were asked and answered. What a
// replay on this very version repeats is kept, as far as it adds a route, a status or a code; so each step of a fixture was seen to
// be repeatable when it was recorded.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startTestApp } from '../support/app.ts'
import type { LogLine } from '../support/traffic-log.ts'
import { type Chain, keepSteps, namesIn, originOf, type Step, toChain, writeChains } from './chains.ts'
import { routeOf } from './coverage.ts'
import { replayChain } from './replay.ts'

const { TRAFFIC_FROM: from, TRAFFIC_TO: to } = process.env

/** Steps that share a placeholder or an address belong together. @returns a group's number by the step's place */
function groupsOf({ steps }: Chain): number[] {
  const groups = steps.map((_step, place) => place)
  const find = (place: number): number => (groups[place] === place ? place : find(groups[place] ?? place))
  const last = new Map<string, number>()
  for (const [place, step] of steps.entries()) {
    if (!('method' in step)) continue
    const addresses = JSON.stringify([step.path, step.body]).match(/[\w.+-]+(?:@|%40)[\w.-]+/g) ?? []
    for (const link of [...addresses, ...namesIn(step)]) {
      const before = last.get(link)
      if (before !== undefined) groups[find(place)] = find(before)
      last.set(link, find(place))
    }
  }
  return steps.map((_step, place) => find(place))
}

const keyOf = (step: Step) => {
  if (!('method' in step)) return null
  const { expected } = step
  const code = typeof expected.body === 'object' && 'code' in expected.body ? expected.body.code : ''
  const route = routeOf(step.method, step.path)
  return route && `${route} ${expected.status} ${code}`
}

/** Links each placeholder's origin into its users' group as well, so that no step loses what it needs. */
function originsOf(chain: Chain, place: number): number[] {
  const step = chain.steps[place]
  return (step ? namesIn(step) : []).flatMap((name) => {
    const source = chain.sources[name]
    const origin = source ? originOf(source) : null
    return origin === null ? [] : [origin]
  })
}

/** Pictures and floods stay out of a fixture. */
const withoutLargeBodies = (chain: Chain): Chain =>
  keepSteps(chain, (place) => JSON.stringify(chain.steps[place]).length < 8000)

async function repeatable(t: Test, chain: Chain): Promise<Chain> {
  const app = await startTestApp(t)
  const replayed = await replayChain(app, chain)
  await app.close()
  const failed = new Set(
    replayed.filter(({ differences }) => differences.length > 0).map(({ place }) => place),
  )
  return failed.size === 0 ? chain : keepSteps(chain, (place) => !failed.has(place))
}

/** The steps that add a key that is not covered yet, and the steps of their groups before them that change something. */
function prune(chain: Chain, covered: Set<string>): Chain | null {
  const groups = groupsOf(chain)
  const needed = new Set<number>()
  for (const [place, step] of chain.steps.entries()) {
    const key = keyOf(step)
    if (!key || covered.has(key)) continue
    covered.add(key)
    needed.add(place)
  }
  if (needed.size === 0) return null
  const ends = new Map<number, number>()
  for (const place of needed) ends.set(groups[place] ?? place, place)
  const kept = new Set(needed)
  for (const [place, step] of chain.steps.entries())
    if (!('method' in step)) kept.add(place)
    else if (
      step.method !== 'GET' &&
      step.expected.status < 400 &&
      place <= (ends.get(groups[place] ?? -1) ?? -1)
    )
      kept.add(place)
  for (const place of [...chain.steps.keys()].reverse())
    if (kept.has(place)) for (const origin of originsOf(chain, place)) kept.add(origin)
  return keepSteps(chain, (place) => kept.has(place))
}

t.test('the fixture is made', { timeout: 1_800_000 }, async (t) => {
  if (!from || !to) return t.pass('not asked for', { skip: 'npm run record-traffic does this' })
  const chains = readdirSync(from)
    .sort()
    .map((name) =>
      toChain(
        readFileSync(join(from, name), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line): LogLine => JSON.parse(line)),
      ),
    )
    .filter((chain) => chain !== null)
    .map(withoutLargeBodies)
    .filter(({ steps }) => steps.length > 0)
    // Short ones first: what they cover needs no long one.
    .sort((a, b) => a.steps.length - b.steps.length)
  const covered = new Set<string>()
  const selected: Chain[] = []
  for (const chain of chains) {
    let kept: Chain | null
    kept = await repeatable(t, chain)
    kept = prune(kept, new Set(covered))
    for (let round = 0; round < 2 && kept; round++) kept = await repeatable(t, kept)
    if (!kept || kept.steps.length === 0) continue
    const before = covered.size
    for (const step of kept.steps) covered.add(keyOf(step) ?? '')
    if (covered.size > before) selected.push(kept)
    // After each, so that a run that is stopped has made something.
    writeChains(to, selected)
  }
  const steps = selected.reduce((sum, { steps }) => sum + steps.length, 0)
  t.comment(`${selected.length} chains, ${steps} steps, ${covered.size} answers, in ${to}`)
  t.ok(covered.size > 100)
})
