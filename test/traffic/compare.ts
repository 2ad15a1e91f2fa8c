// Whether an answer still gives a client what it was given before: the same status and media type, the headers that clients act on, the
// same cookies, and every field with its type. What is new is no difference.

/**
 * The shape of a value: a type by its name, a constant word as `=word`, a list of its items' common shape or of
 * its words, or fields.
 */
export type Shape = string | readonly Shape[] | { readonly [name: string]: Shape }

export interface AnswerShape {
  readonly status: number
  readonly mediaType?: string
  readonly headers?: readonly string[]
  readonly cookies?: readonly string[]
  readonly body?: Shape
}

/** Fields whose words clients compare: another word is another answer. */
const words = new Set([
  ...['code', 'error', 'event', 'kind', 'role', 'outcome', 'direction', 'scope'],
  ...['token_type', 'type', 'acr', 'grant_type', 'alg', 'kty', 'crv', 'use', 'email_proof'],
  // Numbers and flags that are as fixed as words.
  ...['statusCode', 'verification_required', 'active', 'status', 'sessionType'],
  // Lists of words.
  ...['amr', 'factors', 'scopes', 'response_types_supported', 'subject_types_supported'],
  ...[
    'grant_types_supported',
    'id_token_signing_alg_values_supported',
    'introspection_endpoint_auth_methods_supported',
  ],
])

/** Fields that jobs fill in a moment later: they have to be there, with whatever value. */
const later = new Set([
  ...['position', 'hash', 'head', 'sent_at', 'last_attempt_at', 'next_attempt_at', 'last_status'],
  ...['last_error', 'last_used_at', 'delivered_at', 'failed_at'],
])

const isFields = (shape: Shape): shape is { readonly [name: string]: Shape } =>
  typeof shape === 'object' && !Array.isArray(shape)

const isWords = (list: readonly Shape[]) =>
  list.some((item) => typeof item === 'string' && item.startsWith('='))

/** What two shapes have in common: of two items of a list, or of two answers to the same request. */
export function common(one: Shape, other: Shape): Shape {
  if (isFields(one) && isFields(other)) {
    const names = Object.keys(one).filter((name) => Object.hasOwn(other, name))
    return Object.fromEntries(names.map((name) => [name, common(one[name] ?? 'null', other[name] ?? 'null')]))
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    if (isWords(one) || isWords(other)) return one.filter((word) => other.includes(word))
    return one.length > 0 && other.length > 0 ? [common(one[0], other[0])] : []
  }
  if (JSON.stringify(one) === JSON.stringify(other)) return one
  if (one === 'null' || other === 'null') return 'null'
  const types = [one, other].map((shape) =>
    typeof shape === 'string' && shape.startsWith('=') ? 'string' : shape,
  )
  return types[0] === types[1] && types[0] !== undefined ? types[0] : 'any'
}

/** What two answers to the same request have in common, of the same status and media type. */
export function commonAnswer(one: AnswerShape, other: AnswerShape): AnswerShape {
  const both = (name: 'headers' | 'cookies') => {
    const kept = (one[name] ?? []).filter((value) => other[name]?.includes(value))
    return kept.length > 0 ? { [name]: kept } : {}
  }
  const body = one.body === undefined ? {} : { body: common(one.body, other.body ?? 'null') }
  return {
    status: one.status,
    ...(one.mediaType ? { mediaType: one.mediaType } : {}),
    ...both('headers'),
    ...both('cookies'),
    ...body,
  }
}

/** Neither an address nor an id, which other services have other ones of. */
const isWord = (text: string) => /^[\w.:+ -]{1,60}$/.test(text) && !/^[0-9a-f]{8}-/.test(text)

/** @param name the field that holds the value */
export function shapeOf(value: unknown, name = ''): Shape {
  if (value === null || value === undefined || later.has(name)) return 'null'
  if (Array.isArray(value)) {
    const items = value.map((item) => shapeOf(item, name))
    // A list of words has each of them, in any order; another list what its items have in common.
    if (isWords(items)) return [...new Set(items)].sort()
    return items.length === 0 ? [] : [items.reduce(common)]
  }
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shapeOf(entry, key)]))
  return words.has(name) && isWord(String(value)) ? `=${value}` : typeof value
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
    if (isWords(before))
      return before
        .filter((word) => !now.includes(word))
        .map((word) => `${at} has no ${typeOf(word)} any more`)
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
  const gone = (name: 'headers' | 'cookies') =>
    (before[name] ?? [])
      .filter((one) => !now[name]?.includes(one))
      .map((one) => `${name.slice(0, -1)} ${one} is gone`)
  const body = before.body === undefined ? [] : differences(before.body, now.body ?? 'null')
  return [...gone('headers'), ...gone('cookies'), ...body]
}
