// What clients of former releases send is answered as it was: recorded requests of each release, replayed against this build and a
// real database. An answer may have more than before, and nothing less.
import { readFileSync, statSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Answer, startTestApp } from '../support/app.ts'
import { writeProof } from '../support/proof.ts'
import { differences, shapeOf } from './compare.ts'
import { routeOf, routes } from './coverage.ts'
import { excused } from './excused.ts'
import {
  fixtureOf,
  type RecordedScenario,
  type RecordedStep,
  readFixture,
  recordedVersions,
} from './fixture.ts'
import { prepare, replay, type Send } from './replay.ts'
import { scenarios } from './scenarios.ts'
import { password, type RequestStep } from './steps.ts'

const versions = recordedVersions()

/** Changes that were meant, by version: each is in CHANGELOG.md, and none may stay here once it is not met any more. */
const meant: Record<string, Record<string, string>> = {}

const counts: Record<string, number> = {}
const app = await startTestApp(t)
const given = await prepare(app)

t.test('there is the traffic of former releases, without a secret', async (t) => {
  t.ok(versions.length >= 1)
  for (const version of versions) {
    t.ok(statSync(fixtureOf(version)).size < 300_000, `${version} is small`)
    const text = readFileSync(fixtureOf(version), 'utf8')
    t.notMatch(text, /eyJ[\w-]{10,}\.|(?:srt|uak|sok|rst)_[\w-]{20,}/, `${version} holds no token`)
  }
})

for (const version of versions)
  t.test(`requests of ${version} are answered as they were`, async (t) => {
    const found: string[] = []
    let requests = 0
    // Each release asks a service of its own, because it signs up the same people at the products' APIs.
    const own = version === versions[0] ? { app, given } : await service(t)
    for (const scenario of readFixture(fixtureOf(version)))
      for (const { step, differences } of await replay(own.app, own.given, scenario)) {
        requests++
        if (differences.length > 0 && 'expected' in step)
          found.push(`${scenario.name}: ${step.send} ${step.expected.status}: ${differences.join('; ')}`)
      }
    t.same(found.sort(), Object.keys(meant[version] ?? {}).sort())
    counts[`requests of ${version}`] = requests
  })

async function service(t: Test) {
  const app = await startTestApp(t)
  return { app, given: await prepare(app) }
}

/** A recorded sign-up, which this build answers; `change` alters the answer, or what was recorded. */
async function replaySignUp(
  change: { send?: (answer: Answer) => Answer; step?: Partial<typeof signUp> } = {},
) {
  const send: Send = async (...sent) => {
    const answer = await app.send(...sent)
    return change.send?.(answer) ?? answer
  }
  const scenario: RecordedScenario = { name: 'sign-up', steps: [{ ...signUp, ...change.step }] }
  const [replayed] = await replay(app, given, scenario, send)
  return replayed?.differences
}
const signUp = {
  send: 'POST /api/auth/signup',
  headers: { 'project-id': '{{project}}' },
  body: { email: 'ada@example.com', password, display_name: 'Ada' },
  expected: {
    status: 201,
    mediaType: 'application/json',
    headers: ['cache-control: no-store'],
    body: { user: { display_name: 'string' }, token_type: '=Bearer' },
  },
} satisfies RecordedStep

t.test('a change that a client would notice is found', async (t) => {
  t.same(await replaySignUp(), [], 'unchanged, there is none')
  const withUser = (change: (user: Record<string, unknown>) => unknown) => (answer: Answer) => ({
    ...answer,
    body: { ...answer.body, user: change(answer.body.user) },
  })
  t.same(await replaySignUp({ send: withUser((user) => ({ ...user, more: 1 })) }), [], 'an addition is none')
  t.same(
    await replaySignUp({ send: withUser(({ display_name: _gone, ...rest }) => rest) }),
    ['body.user.display_name is gone'],
    'a removed field',
  )
  t.same(
    await replaySignUp({ send: withUser((user) => ({ ...user, display_name: 7 })) }),
    ['body.user.display_name was string and is number'],
    'a changed type',
  )
  t.same(
    await replaySignUp({ send: (answer) => ({ ...answer, status: 200 }) }),
    ['status was 201 and is 200'],
    'a changed status',
  )
  t.same(
    await replaySignUp({ send: (answer) => ({ ...answer, body: { ...answer.body, token_type: 'DPoP' } }) }),
    ['body.token_type was "Bearer" and is "DPoP"'],
    'another word of an enumeration',
  )
  t.same(
    await replaySignUp({ step: { body: { ...signUp.body, display_name: 'A'.repeat(5000) } } }),
    ['status was 201 and is 422'],
    'an input that was accepted, by the record, and is refused by the service',
  )
  t.same(
    await replaySignUp({ send: (answer) => ({ ...answer, headers: new Headers(contentType(answer)) }) }),
    ['header cache-control: no-store is gone'],
    'a removed header',
  )
  const cookie = 'sallyport_access_<id> set; HttpOnly; Path=/'
  t.same(
    await replaySignUp({ step: { expected: { ...signUp.expected, cookies: [cookie] } as never } }),
    [`cookie ${cookie} is gone`],
    'a removed cookie',
  )
  t.same(
    await replaySignUp({ step: { headers: { 'project-id': '{{nothing}}' } } }),
    ['nothing was not given'],
    'a value that no answer gives any more',
  )
})

const contentType = ({ headers }: Answer) => ({ 'content-type': headers.get('content-type') ?? '' })

t.test('lists are compared by what their items have in common, and by their words', async (t) => {
  t.same(shapeOf([{ a: 1, b: 'x' }, { a: 2 }]), [{ a: 'number' }])
  t.same(shapeOf([{ code: 'one' }, { code: 'two' }]), [{ code: 'string' }])
  t.same(shapeOf({ amr: ['pwd', 'otp'] }), { amr: ['=otp', '=pwd'] })
  const factors = { factors: ['totp', 'email_code'] }
  t.same(differences(shapeOf(factors), shapeOf({ factors: ['totp'] })), [
    'body.factors has no "email_code" any more',
  ])
})

const routeOfStep = ({ send }: RequestStep) => {
  const [method = '', path = ''] = send.split(' ')
  return routeOf(method, path.replace(/\{\{[\w-]+\}\}/g, 'x'))
}

/** The lowest status by route. */
function covered(steps: readonly { readonly route: string | null; readonly status: number }[]) {
  const lowest = new Map<string, number>()
  for (const { route, status } of steps)
    if (route) lowest.set(route, Math.min(status, lowest.get(route) ?? 999))
  return lowest
}

t.test('every route of the APIs has a scenario with its success, or a reason why not', async (t) => {
  const asked = covered(
    scenarios
      .flatMap(({ steps }) => steps)
      .flatMap((step) => ('send' in step ? { route: routeOfStep(step), status: step.status } : [])),
  )
  const ofApis = routes
    .map(({ route }) => route)
    .filter((route) => / \/(?:api|nodeloom|credebl|nora)\//.test(route))
  const without = ofApis.filter((route) => (asked.get(route) ?? 999) >= 400)
  t.same(without.sort(), Object.keys(excused).sort(), 'those without a success are those that are excused')
  t.same(
    ofApis.filter((route) => !asked.has(route)),
    [],
    'each is asked at least for a refusal',
  )
})

t.test('the latest traffic meets what the scenarios met when it was recorded', async (t) => {
  const steps = readFixture(fixtureOf(versions.at(-1) ?? '')).flatMap(({ steps }) => steps)
  const met = covered(
    steps.flatMap((step) =>
      'expected' in step ? { route: routeOfStep(step), status: step.expected.status } : [],
    ),
  )
  counts.routes = met.size
  counts['of them with a success'] = [...met.values()].filter((status) => status < 400).length
  const unmet = Object.keys(excused).filter((route) => !met.has(route))
  t.same(unmet, [], 'the refusals of those that are excused are recorded')
  t.ok(met.size > 190, `${met.size} routes`)
})

t.teardown(() => writeProof('replay', 'test/traffic/replay.test.ts', counts))
