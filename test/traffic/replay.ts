// Replays a chain: real requests to a real service, each with the tokens and ids that this service gave.
import type { Answer, TestApp } from '../support/app.ts'
import { type Chain, mapTexts, namesIn, type Source, type Step } from './chains.ts'
import { type AnswerShape, answerDifferences, shapeOf } from './compare.ts'

export type Send = (
  method: string,
  path: string,
  options: { headers: Record<string, string>; body?: unknown },
) => Promise<Answer>

export interface Replayed {
  readonly place: number
  readonly step: Step
  /** What a client would miss; `null`: a value that the request needs was not given. */
  readonly differences: readonly string[]
}

export const answerShape = ({ status, headers, cookies, body }: Answer): AnswerShape => {
  const mediaType = (headers.get('content-type') ?? '').split(';')[0] ?? ''
  return {
    status,
    mediaType,
    cookies: Object.keys(cookies).sort(),
    body: mediaType.endsWith('json') ? shapeOf(body) : 'string',
  }
}

/** The value at a way of keys. */
const at = (value: unknown, way: readonly string[]): unknown =>
  way.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)

/**
 * @param app a service in which nothing else happens; the chain's policy becomes its project's
 * @param send what sends a request; default: the app's own
 */
export async function replayChain(app: TestApp, chain: Chain, send: Send = app.send): Promise<Replayed[]> {
  await app.setPolicy(chain.policy)
  const projects = [{ id: app.projectId, secret: app.projectSecret }]
  const answers: (Answer | undefined)[] = []
  const found = new Map<string, string | undefined>()
  const given = async (source: Source): Promise<unknown> => {
    if (source[0] === 'project') return projects[source[1]]?.[source[2]]
    if (source[0] === 'answer') return at(answers[source[1]]?.body, source.slice(2) as string[])
    if (source[0] === 'cookie') return answers[source[1]]?.cookies[source[2]]
    const mails = await app.mailbox.waitFor(source[1], { count: source[2] + 1, ms: 3000 })
    return mails[source[2]]?.[source[3]]
  }
  const replayed: Replayed[] = []
  for (const [place, step] of chain.steps.entries()) {
    if ('policy' in step) await app.setPolicy(step.policy)
    else if ('project' in step) projects.push(await app.project(step.project))
    else {
      for (const name of namesIn(step)) {
        const source = chain.sources[name]
        if (source && !found.has(name)) found.set(name, (await given(source)) as string | undefined)
      }
      const missing = namesIn(step).filter((name) => typeof found.get(name) !== 'string')
      if (missing.length > 0) {
        replayed.push({ place, step, differences: missing.map((name) => `${name} was not given`) })
        continue
      }
      const fill = (text: string) =>
        text.replace(/\{\{([a-z]+-\d+)\}\}/g, (_all, name: string) => found.get(name) ?? '')
      const sent = mapTexts({ path: step.path, headers: step.headers, body: step.body }, fill) as {
        path: string
        headers: Record<string, string>
        body: unknown
      }
      const answer = await send(step.method, sent.path, { headers: sent.headers, body: sent.body })
      answers[place] = answer
      replayed.push({ place, step, differences: answerDifferences(step.expected, answerShape(answer)) })
    }
  }
  return replayed
}
