// Whether an answer still gives a client what it was given before: the same status and media type, the same cookies, and every field
// with its type. What is new is no difference.

/** The shape of a value: a type by its name, a constant word as `=word`, a list of its items' common shape, or fields. */
export type Shape = string | readonly [Shape] | readonly [] | { readonly [name: string]: Shape }

export interface AnswerShape {
  readonly status: number
  readonly mediaType: string
  readonly cookies: readonly string[]
  readonly body: Shape
}

/** Fields whose words clients compare: another word is another answer. */
const words = new Set([
  'code',
  'error',
  'token_type',
  'role',
  'kind',
  'event',
  'acr',
  'grant_type',
  'statusCode',
])

const isFields = (shape: Shape): shape is { readonly [name: string]: Shape } =>
  typeof shape === 'object' && !Array.isArray(shape)

/** What two items of a list have in common. */
function common(one: Shape, other: Shape): Shape {
  if (isFields(one) && isFields(other)) {
    const names = Object.keys(one).filter((name) => Object.hasOwn(other, name))
    return Object.fromEntries(names.map((name) => [name, common(one[name] ?? 'null', other[name] ?? 'null')]))
  }
  if (JSON.stringify(one) === JSON.stringify(other)) return one
  const types = [one, other].map((shape) =>
    typeof shape === 'string' && shape.startsWith('=') ? 'string' : shape,
  )
  return types[0] === types[1] && types[0] !== undefined ? types[0] : 'any'
}

/** @param name the field that holds the value */
export function shapeOf(value: unknown, name = ''): Shape {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) {
    const items = value.map((item) => shapeOf(item))
    return items.length === 0 ? [] : [items.reduce(common)]
  }
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shapeOf(entry, key)]))
  return words.has(name) ? `=${value}` : typeof value
}

const typeOf = (shape: Shape) =>
  typeof shape !== 'string'
    ? Array.isArray(shape)
      ? 'a list'
      : 'fields'
    : shape.startsWith('=')
      ? `"${shape.slice(1)}"`
      : shape

/** What a client of `before` would miss in `now`, in words. What was null before may be anything. */
export function differences(before: Shape, now: Shape, at = 'body'): string[] {
  if (before === 'null' || before === 'any') return []
  if (isFields(before) && isFields(now))
    return Object.entries(before).flatMap(([name, shape]) => {
      const found = Object.hasOwn(now, name) ? now[name] : undefined
      return found === undefined ? [`${at}.${name} is gone`] : differences(shape, found, `${at}.${name}`)
    })
  if (Array.isArray(before) && Array.isArray(now)) {
    const [one, other] = [before[0], now[0]]
    return one !== undefined && other !== undefined ? differences(one, other, `${at}[]`) : []
  }
  return typeOf(before) === typeOf(now) ? [] : [`${at} was ${typeOf(before)} and is ${typeOf(now)}`]
}

/** @returns every difference that a client may notice, in words; none where the answer is compatible */
export function answerDifferences(before: AnswerShape, now: AnswerShape): string[] {
  if (before.status !== now.status) return [`status was ${before.status} and is ${now.status}`]
  if (before.mediaType !== now.mediaType)
    return [`media type was ${before.mediaType} and is ${now.mediaType}`]
  return [
    ...before.cookies.filter((name) => !now.cookies.includes(name)).map((name) => `cookie ${name} is gone`),
    ...(before.mediaType.endsWith('json') ? differences(before.body, now.body) : []),
  ]
}
