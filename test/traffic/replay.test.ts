// What clients of former releases send is answered as it was: recorded requests of each release, replayed against this build and a
// real database. An answer may have more than before, and nothing less.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { type Answer, startTestApp } from '../support/app.ts'
import { writeProof } from '../support/proof.ts'
import { type Chain, readChains, type Step } from './chains.ts'
import { shapeOf } from './compare.ts'
import { routeOf } from './coverage.ts'
import { type Replayed, replayChain, type Send } from './replay.ts'

const folder = join(packageRoot, 'test/fixtures')
const fixtures = readdirSync(folder).filter((name) => /^traffic-.*\.jsonl\.gz$/.test(name))
const versionOf = (name: string) => name.slice('traffic-'.length, -'.jsonl.gz'.length)

/** Changes that were meant, by version: each is in CHANGELOG.md, and none may stay here once it is not met any more. */
const meant: Record<string, Record<string, string>> = {}

const told = ({ step, differences }: Replayed) =>
  'method' in step
    ? `${routeOf(step.method, step.path) ?? step.path} ${step.expected.status}: ${differences.join('; ')}`
    : ''

const counts: Record<string, number> = {}

t.test('there is the traffic of former releases', async (t) => {
  t.ok(fixtures.length >= 1)
  for (const name of fixtures) {
    t.ok(statSync(join(folder, name)).size < 300_000, `${name} is small`)
    const text = gunzipSync(readFileSync(join(folder, name))).toString()
    t.notMatch(text, /eyJ[\w-]{10,}\.|(?:srt|uak|sok|rst)_[\w-]{20,}/, `${name} holds no token`)
  }
})

for (const name of fixtures)
  t.test(`requests of ${versionOf(name)} are answered as they were`, async (t) => {
    const chains = readChains(join(folder, name))
    const found = new Set<string>()
    let steps = 0
    for (const chain of chains) {
      const app = await startTestApp(t)
      const replayed = await replayChain(app, chain)
      await app.close()
      steps += replayed.length
      for (const step of replayed) if (step.differences.length > 0) found.add(told(step))
    }
    t.same([...found].sort(), Object.keys(meant[versionOf(name)] ?? {}).sort())
    counts[`requests of ${versionOf(name)}`] = steps
  })

/** A chain of one sign-up, with the answer that this build gives. */
async function signUp(t: Test) {
  const app = await startTestApp(t)
  const body = { email: 'ada@example.com', password: 'a good long password', display_name: 'Ada' }
  const step: Step = {
    method: 'POST',
    path: '/api/auth/signup',
    headers: { 'project-id': '{{uuid-1}}' },
    body,
    expected: {
      status: 201,
      mediaType: 'application/json',
      cookies: [],
      body: { user: { display_name: 'string' }, token_type: '=Bearer' },
    },
  }
  const chain: Chain = { policy: {}, steps: [step], sources: { 'uuid-1': ['project', 0, 'id'] } }
  /** What is told when the answer, or what was recorded, is another one. */
  const replay = async (change: { send?: (answer: Answer) => Answer; step?: Partial<typeof step> }) => {
    await app.sql`delete from users`
    const send: Send = async (...sent) => {
      const answer = await app.send(...sent)
      return change.send?.(answer) ?? answer
    }
    const [replayed] = await replayChain(app, { ...chain, steps: [{ ...step, ...change.step }] }, send)
    return replayed?.differences
  }
  return { replay, step, body }
}

t.test('a change that a client would notice is found', async (t) => {
  const { replay, step, body } = await signUp(t)
  t.same(await replay({}), [], 'unchanged, there is none')
  const withUser = (change: (user: Record<string, unknown>) => unknown) => (answer: Answer) => ({
    ...answer,
    body: { ...answer.body, user: change(answer.body.user) },
  })
  t.same(await replay({ send: withUser((user) => ({ ...user, more: 1 })) }), [], 'an addition is none')
  t.same(
    await replay({ send: withUser(({ display_name: _gone, ...rest }) => rest) }),
    ['body.user.display_name is gone'],
    'a removed field',
  )
  t.same(
    await replay({ send: withUser((user) => ({ ...user, display_name: 7 })) }),
    ['body.user.display_name was string and is number'],
    'a changed type',
  )
  t.same(await replay({ send: (answer) => ({ ...answer, status: 200 }) }), ['status was 201 and is 200'])
  t.same(
    await replay({ send: (answer) => ({ ...answer, body: { ...answer.body, token_type: 'DPoP' } }) }),
    ['body.token_type was "Bearer" and is "DPoP"'],
    'another word of an enumeration',
  )
  t.same(
    await replay({ step: { body: { ...body, display_name: 'A'.repeat(5000) } } }),
    ['status was 201 and is 422'],
    'an input that was accepted, by the record, and is refused by the service',
  )
  t.same(await replay({ step: { expected: { ...step.expected, cookies: ['session'] } } }), [
    'cookie session is gone',
  ])
  t.same(await replay({ step: { headers: { 'project-id': '{{uuid-2}}' } } }), ['uuid-2 was not given'])
})

t.test('items of a list are compared by what they have in common', async (t) => {
  t.same(shapeOf([{ a: 1, b: 'x' }, { a: 2 }]), [{ a: 'number' }])
  t.same(shapeOf([{ code: 'one' }, { code: 'two' }]), [{ code: 'string' }])
})

t.test('the latest traffic meets routes of every API', async (t) => {
  const latest = fixtures.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? ''
  const steps = readChains(join(folder, latest)).flatMap((chain) => chain.steps)
  const seen = new Map<string, number>()
  for (const step of steps) {
    const route = 'method' in step ? routeOf(step.method, step.path) : null
    if (route && 'expected' in step) seen.set(route, Math.min(step.expected.status, seen.get(route) ?? 999))
  }
  counts.routes = seen.size
  counts['of them with a success'] = [...seen.values()].filter((status) => status < 400).length
  t.ok(seen.size > 30, `${seen.size} routes`)
  for (const prefix of ['/api/auth/', '/nodeloom/', '/credebl/', '/nora/'])
    t.ok(
      [...seen].some(([route, status]) => route.includes(` ${prefix}`) && status < 400),
      prefix,
    )
})

t.teardown(() => writeProof('replay', 'test/traffic/replay.test.ts', counts))
