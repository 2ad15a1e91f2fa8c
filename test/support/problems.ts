// Checks that hold for the problem documents of all codes.
import { type ProblemCode, problemKinds } from '../../schemas/errors.ts'

interface Test {
  equal(found: unknown, wanted: unknown, message: string): unknown
  match(found: unknown, wanted: unknown, message: string): unknown
  same(found: unknown, wanted: unknown, message: string): unknown
}

interface AnyAnswer {
  readonly status: number
  readonly headers: Headers | Record<string, string>
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape, right or wrong
  readonly body: any
}

const header = (answer: AnyAnswer, name: string) =>
  answer.headers instanceof Headers ? answer.headers.get(name) : (answer.headers[name] ?? null)

/** Checks that the answer is the problem document of `code`, and on 422 that its errors are for exactly `fields`. */
export function isProblem(t: Test, answer: AnyAnswer, code: ProblemCode, fields?: readonly string[]): void {
  const { status, title, message } = problemKinds[code]
  const { body } = answer
  t.equal(body.code, code, `code ${code}`)
  t.equal(answer.status, status, `${code}: status`)
  t.equal(body.status, status, `${code}: status in the body`)
  t.equal(body.title, title, `${code}: title`)
  t.equal(body.message, message, `${code}: message`)
  t.match(body.type, new RegExp(`^http.*/problems/${code}$`), `${code}: type`)
  t.match(header(answer, 'content-type'), /^application\/problem\+json/, `${code}: media type`)
  t.equal(body.request_id, header(answer, 'x-request-id'), `${code}: request_id is the header's`)
  if (status === 429 || status === 503 || code === 'idempotency_in_flight')
    t.equal(String(body.retry_after), header(answer, 'retry-after'), `${code}: retry_after is the header's`)
  if (fields) t.same(Object.keys(body.errors).sort(), [...fields].sort(), `${code}: fields`)
}

/** A problem without its `request_id`, to compare two. */
export function withoutRequest(body: Record<string, unknown>): Record<string, unknown> {
  const { request_id: _, ...rest } = body
  return rest
}

/** The sorted names of an answer's headers. */
export function headerNames(answer: { headers: Headers }): string[] {
  const names: string[] = []
  answer.headers.forEach((_value, name) => {
    names.push(name)
  })
  return names.sort()
}
