// Chains: the requests of one test in their order, with a placeholder for every secret and id that an earlier answer or a mail gave.
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { LogLine } from '../support/traffic-log.ts'
import { type AnswerShape, shapeOf } from './compare.ts'

/**
 * Where a placeholder's value comes from: a project that was made for the chain (0: its own), a place in the answer to a step, a
 * cookie of it, or the n-th mail to an address.
 */
export type Source =
  | readonly ['project', number, 'id' | 'secret']
  | readonly ['answer', number, ...string[]]
  | readonly ['cookie', number, string]
  | readonly ['mail', string, number, 'token' | 'code']

export type Step =
  | { readonly policy: unknown }
  /** Another project is made. */
  | { readonly project: unknown }
  | {
      readonly method: string
      readonly path: string
      readonly headers: Record<string, string>
      readonly body?: unknown
      readonly expected: AnswerShape
    }

export interface Chain {
  readonly policy: unknown
  readonly steps: readonly Step[]
  /** By the name that stands in the steps as `{{name}}`. */
  readonly sources: Record<string, Source>
}

/** Every text in a value with the way to it. */
function* texts(value: unknown, way: string[] = []): Generator<[string, string[]]> {
  if (typeof value === 'string') yield [value, way]
  else if (typeof value === 'object' && value !== null)
    for (const [key, entry] of Object.entries(value)) yield* texts(entry, [...way, key])
}

/** Applies a function to every text of a value. */
export function mapTexts(value: unknown, change: (text: string) => unknown): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, mapTexts(entry, change)]))
}

/** Long and without a blank: a token or an id, which another run has another one of. */
const isGenerated = (text: string) =>
  /^[\w.~+/=:%-]{20,}$/.test(text) && /\d/.test(text) && !/^https?:/.test(text)

/** A type for people who read the fixture: what the value looked like. */
const kindOf = (text: string) =>
  /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text)
    ? 'uuid'
    : /^eyJ/.test(text)
      ? 'jwt'
      : /^\d{6}$/.test(text)
        ? 'code'
        : 'token'

/** Makes a chain of the log of one app. */
export function toChain(lines: readonly LogLine[]): Chain | null {
  const app = lines.find((line) => line.kind === 'app')
  // Without the mails the app was cut off: their tokens could not be told from other text.
  if (app?.kind !== 'app' || !lines.some(({ kind }) => kind === 'mails')) return null
  const known = new Map<string, Source>([
    [app.projectId, ['project', 0, 'id']],
    [app.projectSecret, ['project', 0, 'secret']],
  ])
  const byAddress = new Map<string, number>()
  const codes = new Map<string, Source>()
  for (const line of lines)
    if (line.kind === 'mails')
      for (const { to, token, code } of line.mails) {
        const n = byAddress.get(to) ?? 0
        byAddress.set(to, n + 1)
        if (token) known.set(token, ['mail', to, n, 'token'])
        if (code) codes.set(code, ['mail', to, n, 'code'])
      }
  const sources: Record<string, Source> = {}
  const names = new Map<string, string>()
  const placeholder = (value: string, source: Source) => {
    const name = names.get(value) ?? `${kindOf(value)}-${names.size + 1}`
    names.set(value, name)
    sources[name] = source
    return `{{${name}}}`
  }
  const hide = (text: string): string => {
    const code = codes.get(text)
    if (code) return placeholder(text, code)
    let hidden = text
    // The longest first: one value may be a part of another.
    for (const value of [...known.keys()].sort((a, b) => b.length - a.length))
      if (hidden.includes(value))
        hidden = hidden.replaceAll(value, placeholder(value, known.get(value) as Source))
    return hidden
  }
  const steps: Step[] = []
  let projects = 0
  for (const line of lines) {
    if (line.kind === 'policy') steps.push({ policy: line.policy })
    if (line.kind === 'project') {
      known.set(line.id, ['project', ++projects, 'id'])
      known.set(line.secret, ['project', projects, 'secret'])
      steps.push({ project: line.policy ?? {} })
    }
    if (line.kind !== 'sent') continue
    const { method, path, headers, body, status, mediaType, answer, cookies } = line
    const sent = mapTexts({ path, headers, body }, hide) as {
      path: string
      headers: Record<string, string>
      body: unknown
    }
    const expected = {
      status,
      mediaType,
      cookies: Object.keys(cookies).sort(),
      body: mediaType.endsWith('json') ? shapeOf(answer) : 'string',
    }
    const place = steps.push({ method, ...sent, expected }) - 1
    for (const [text, way] of texts(answer))
      if (isGenerated(text) && !known.has(text)) known.set(text, ['answer', place, ...way])
    for (const [name, value] of Object.entries(cookies))
      if (isGenerated(value) && !known.has(value)) known.set(value, ['cookie', place, name])
  }
  return { policy: app.policy, steps, sources }
}

/** The names of the placeholders in a step. */
export const namesIn = (step: Step): string[] =>
  [...JSON.stringify(step).matchAll(/\{\{([a-z]+-\d+)\}\}/g)].map(([, name]) => name ?? '')

/** Keeps the steps that `isKept` names, by their place, and turns the sources to the new places. */
export function keepSteps(chain: Chain, isKept: (place: number) => boolean): Chain {
  const places = new Map<number, number>()
  for (const place of chain.steps.keys()) if (isKept(place)) places.set(place, places.size)
  const steps = chain.steps.filter((_step, place) => places.has(place))
  const used = new Set(steps.flatMap(namesIn))
  const moved = (source: Source): Source =>
    source[0] === 'answer'
      ? ['answer', places.get(source[1]) ?? -1, ...(source.slice(2) as string[])]
      : source[0] === 'cookie'
        ? ['cookie', places.get(source[1]) ?? -1, source[2]]
        : source
  const sources = Object.entries(chain.sources).filter(([name]) => used.has(name))
  return {
    policy: chain.policy,
    steps,
    sources: Object.fromEntries(sources.map(([name, source]) => [name, moved(source)])),
  }
}

/** The place of the step that a source's value comes from; null where it comes from elsewhere. */
export const originOf = (source: Source): number | null =>
  source[0] === 'answer' || source[0] === 'cookie' ? source[1] : null

export const readChains = (file: string): Chain[] =>
  gunzipSync(readFileSync(file))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

export const writeChains = (file: string, chains: readonly Chain[]): void =>
  writeFileSync(file, gzipSync(chains.map((chain) => `${JSON.stringify(chain)}\n`).join(''), { level: 9 }))
