// The second half of `npm run record-traffic`: asks two services of this version what the scenarios say, and keeps what the answers of
// both have in common. What depends on the moment (a mail that has not been sent yet) is thus no part of the record.
import t, { type Test } from 'tap'
import { startTestApp } from '../support/app.ts'
import { commonAnswer } from './compare.ts'
import { type RecordedScenario, type RecordedStep, writeFixture } from './fixture.ts'
import { answerShape, play, prepare } from './replay.ts'
import { scenarios } from './scenarios.ts'

const { TRAFFIC_TO: to } = process.env

async function record(t: Test): Promise<RecordedScenario[]> {
  const app = await startTestApp(t)
  const given = await prepare(app)
  const recorded: RecordedScenario[] = []
  for (const scenario of scenarios) {
    const { steps: _steps, ...head } = scenario
    const steps: RecordedStep[] = []
    for await (const [step, played] of play(app, given, scenario)) {
      if ('mail' in step) {
        steps.push(step)
        continue
      }
      const { status, ...sent } = step
      const answered = played && 'status' in played ? played : null
      if (answered?.status !== status) {
        const was = JSON.stringify(answered ? [answered.status, answered.body] : played)
        t.fail(`${scenario.name}: ${step.send} ${status} was ${was.slice(0, 400)}`)
      }
      if (answered) steps.push({ ...sent, expected: answerShape(answered) })
    }
    recorded.push({ ...head, steps })
  }
  await app.close()
  return recorded
}

t.test('the traffic of this version is recorded', { timeout: 600_000 }, async (t) => {
  if (!to) return t.pass('not asked for', { skip: 'npm run record-traffic does this' })
  const once = await record(t)
  if (!t.passing()) return
  const twice = await record(t)
  const both = once.map((scenario, n) => ({
    ...scenario,
    steps: scenario.steps.map((step, place): RecordedStep => {
      const other = twice[n]?.steps[place]
      return 'expected' in step && other && 'expected' in other
        ? { ...step, expected: commonAnswer(step.expected, other.expected) }
        : step
    }),
  }))
  if (t.passing()) writeFixture(to, both)
})
