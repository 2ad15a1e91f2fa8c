// Sends the requests of scenarios to a real service, each with the tokens, ids and codes that this service gave.
import { operatorsProjectId } from '../../src/domain/projects/operators-project.ts'
import type { Answer, TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { basic, newOperator, sparingFactors } from '../support/operators.ts'
import { type AnswerShape, answerDifferences, shapeOf } from './compare.ts'
import type { RecordedScenario, RecordedStep } from './fixture.ts'
import { type MailStep, type RequestStep, type Scenario, type Step, unknownId } from './steps.ts'

export type Send = (
  method: string,
  path: string,
  options: { headers: Record<string, string>; body?: unknown },
) => Promise<Answer>

/** What a step gave: an answer, nothing (a mail was read), or the names of values that it needs and were not given. */
export type Played = Answer | { readonly missing: readonly string[] } | null

/** Headers that clients act on; of these the value is a part of the answer. */
const heeded = ['cache-control', 'accept-patch', 'allow', 'content-disposition', 'content-language']
/** Of these only the presence: their values change from request to request. */
const present = [
  ...['www-authenticate', 'location', 'retry-after', 'etag', 'ratelimit', 'link'],
  ...['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'x-correlation-id'],
]

/** Ids and days, which are others in another service. */
const withoutIds = (text: string) =>
  text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>').replace(/\d{4}-\d\d-\d\d/g, '<day>')

/** A cookie without its value and moments: whether it is set or cleared, and where browsers send it. */
const cookieShape = (line: string) => {
  const [pair = '', ...attributes] = line.split('; ')
  const [name, value] = pair.split('=', 2)
  const lasting = attributes.filter((attribute) => !/^(?:expires|max-age)=/i.test(attribute))
  return withoutIds([`${name} ${value ? 'set' : 'cleared'}`, ...lasting.sort()].join('; '))
}

export const answerShape = ({ status, headers, body }: Answer): AnswerShape => {
  const mediaType = (headers.get('content-type') ?? '').split(';')[0] ?? ''
  const cookies = headers.getSetCookie().map(cookieShape).sort()
  const told = [
    ...heeded.filter((name) => headers.has(name)).map((name) => withoutIds(`${name}: ${headers.get(name)}`)),
    ...present.filter((name) => headers.has(name)),
  ]
  return {
    status,
    ...(mediaType ? { mediaType } : {}),
    ...(told.length > 0 ? { headers: told } : {}),
    ...(cookies.length > 0 ? { cookies } : {}),
    ...(mediaType.endsWith('json') ? { body: shapeOf(body) } : {}),
  }
}

const placeholder = /\{\{([\w-]+)\}\}/g

/** Replaces the placeholders in every text of a value. */
function fill<T>(value: T, known: ReadonlyMap<string, string>): T {
  const text = JSON.stringify(value)
  if (text === undefined) return value
  return JSON.parse(
    text.replace(placeholder, (_all, name: string) => JSON.stringify(known.get(name)).slice(1, -1)),
  )
}

function keptOf(answer: Answer, where: string): unknown {
  const [kind, ...way] = where.split('.')
  if (kind === 'cookie') return answer.cookies[way.join('.')]
  if (kind === 'header') return answer.headers.get(way.join('.'))
  const value = way.reduce<unknown>(
    (inner, key) => (inner as Record<string, unknown> | null)?.[key],
    answer.body,
  )
  if (kind === 'body') return value
  const url = URL.canParse(String(value)) ? new URL(String(value)) : null
  return kind === 'hash' ? url?.hash.slice(1) : url?.pathname.split('/').at(-1)
}

/** @returns what the mail gives, by name; nothing if it does not come */
async function readMail(app: TestApp, { mail, kind, keep }: MailStep): Promise<[string, unknown][]> {
  const find = async () => (await app.mailbox.all()).find((one) => one.to === mail && one.kind === kind)
  const found = await eventually(`a mail ${kind} to ${mail}`, find, 15_000).catch(() => null)
  const link = found?.link ? new URL(found.link).searchParams : null
  return Object.entries(keep).map(([name, where]) => [
    name,
    where === 'code' || where === 'token' ? found?.[where] : link?.get(where.slice('link.'.length)),
  ])
}

/** A service on which scenarios are played one after another. */
export async function prepare(app: TestApp): Promise<Map<string, string>> {
  await sparingFactors(app)
  const { token } = await newOperator(app, ['owner', null])
  return new Map([
    ['unknown', unknownId],
    ['operator', token],
    ['operators-project', operatorsProjectId],
  ])
}

/** Plays a scenario; yields each step with what came of it. */
export async function* play<S extends Step>(
  app: TestApp,
  given: ReadonlyMap<string, string>,
  scenario: Omit<Scenario, 'steps'> & { readonly steps: readonly S[] },
  send: Send = app.send,
): AsyncGenerator<readonly [S, Played]> {
  const { policy = {}, ofProducts, steps } = scenario
  if (ofProducts) await app.setPolicy(policy)
  const { id, secret } = ofProducts
    ? { id: app.projectId, secret: app.projectSecret }
    : await app.project(policy)
  const own = { project: id, secret, basic: basic(id, secret).authorization }
  const known = new Map([...given, ...Object.entries(own)])
  for (const step of steps) {
    const missing = [...JSON.stringify(step).matchAll(placeholder)]
      .map(([, name]) => name ?? '')
      .filter((name) => !known.has(name))
    if (missing.length > 0) {
      yield [step, { missing }]
      continue
    }
    const keep = (name: string, value: unknown) =>
      typeof value === 'string' || typeof value === 'number' ? known.set(name, String(value)) : undefined
    if ('mail' in step) {
      for (const [name, value] of await readMail(app, fill<MailStep>(step, known))) keep(name, value)
      yield [step, null]
      continue
    }
    const { send: line, headers = {}, body, keep: kept = {} } = fill(step as RequestStep, known)
    const [method = '', path = ''] = line.split(' ')
    const answer = await send(method, path, { headers: { ...headers }, body })
    for (const [name, where] of Object.entries(kept)) keep(name, keptOf(answer, where))
    yield [step, answer]
  }
}

/** Replays recorded requests. @returns each request with what its client would miss */
export async function replay(
  app: TestApp,
  given: ReadonlyMap<string, string>,
  scenario: RecordedScenario,
  send?: Send,
): Promise<{ step: RecordedStep; differences: readonly string[] }[]> {
  const replayed: { step: RecordedStep; differences: readonly string[] }[] = []
  for await (const [step, played] of play(app, given, scenario, send))
    if (played && 'missing' in played)
      replayed.push({ step, differences: played.missing.map((name) => `${name} was not given`) })
    else if (played && 'expected' in step)
      replayed.push({ step, differences: answerDifferences(step.expected, answerShape(played)) })
  return replayed
}
