// Requests to the admin API and, for the operator's own session, to the canonical API in the project of the operators.
import { operatorsProjectId } from '../../../domain/projects/operators-project.ts'
import { t } from './texts.ts'
import type { ProblemDocument } from './types.ts'

/** The path of PUBLIC_URL, with a slash at its end. */
export const base = new URL('../../', import.meta.url).pathname

/** A problem document (RFC 9457). `unreachable` is the console's own code, for a request without an answer. */
export interface Problem extends Omit<Partial<ProblemDocument>, 'status' | 'code' | 'message'> {
  readonly status: number
  readonly code: ProblemDocument['code'] | 'unreachable'
  readonly message: string
}

/** The service refused a request, or did not answer: then the code is `unreachable`. */
export class ApiError extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
  get code(): Problem['code'] {
    return this.problem.code
  }
}

/** An error whose message lists the refused fields with their sentences; without such fields, the error itself. */
export function withFieldErrors(error: Error): Error {
  const fields = error instanceof ApiError ? Object.entries(error.problem.errors ?? {}) : []
  if (fields.length === 0) return error
  return new Error(fields.map(([field, sentences]) => `${field}: ${sentences.join(' ')}`).join('\n'))
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

interface RequestInput {
  readonly query?: Query
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** True: sends an idempotency key, so that a repeated POST does not act twice. */
  readonly once?: boolean
}

interface Answer<T> {
  readonly data: T
  readonly etag: string | null
}

/** What to do when the session has ended, and when a request needs a step-up. The application sets both. */
export const session = {
  onEnded: (): void => {},
  /** @returns true if the operator has passed the step-up, so that the request is sent again */
  stepUp: async (_problem: Problem): Promise<boolean> => false,
}

const unreachable = (): Problem => ({
  status: 0,
  code: 'unreachable',
  message: t('The service does not answer. Check your connection, then try again.'),
})

/** A random idempotency key. `crypto.randomUUID` exists only in secure contexts. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

/** Appends a query to a path, without undefined and empty values. */
export function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  return given.length === 0
    ? path
    : `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

async function send<T>(method: string, path: string, asked: RequestInput): Promise<Answer<T>> {
  const { body, headers, query, signal, once = false } = asked
  const response = await fetch(withQuery(`${base}${path}`, query), {
    method,
    credentials: 'same-origin',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(once ? { 'idempotency-key': newKey() } : {}),
      ...headers,
    },
    body: JSON.stringify(body),
    signal,
  }).catch((error: unknown) => {
    if ((error as Error).name === 'AbortError') throw error
    throw new ApiError(unreachable())
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  const data = isJson && text !== '' ? JSON.parse(text) : null
  if (!response.ok) throw new ApiError(data ?? { ...unreachable(), status: response.status })
  return { data, etag: response.headers.get('etag') }
}

const ofOperators = { 'project-id': operatorsProjectId, 'session-transport': 'cookie' }

let refreshing: Promise<boolean> | null = null

/** Refreshes the session. Concurrent calls share one request. @returns false if the session has ended */
function refresh(): Promise<boolean> {
  refreshing ??= send('POST', 'api/auth/refresh', { body: {}, headers: ofOperators })
    .then(
      () => true,
      (error: unknown) => {
        if (error instanceof ApiError && error.problem.status === 401) return false
        throw error
      },
    )
    .finally(() => {
      refreshing = null
    })
  return refreshing
}

/** Sends a request, and once more after a refresh or a step-up if its refusal demands one. */
async function withSession<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.code === 'unauthenticated') {
      if (await refresh()) return await request()
      session.onEnded()
    }
    if (error.code === 'step_up_required' && (await session.stepUp(error.problem))) return await request()
    throw error
  }
}

/** A request to the admin API. @param path such as `projects/ID/users` @throws ApiError */
export const adminRequest = <T>(method: string, path: string, asked: RequestInput = {}): Promise<Answer<T>> =>
  withSession(() => send<T>(method, `api/admin/${path}`, asked))

/** The body of a GET of the admin API. @throws ApiError */
export const read = async <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  (await adminRequest<T>('GET', path, { query, signal })).data

/** Changes something by the admin API. @returns the body of the answer @throws ApiError */
export const change = async <T>(method: string, path: string, body?: unknown): Promise<T> =>
  (await adminRequest<T>(method, path, { body })).data

/** Creates something by a POST with an idempotency key. @returns the body of the answer @throws ApiError */
export const create = async <T>(path: string, body: unknown): Promise<T> =>
  (await adminRequest<T>('POST', path, { body, once: true })).data

/** A request to the canonical API in the project of the operators, without refresh and step-up. @throws ApiError */
export const authRequest = async <T>(method: string, path: string, body?: unknown): Promise<T> =>
  (await send<T>(method, `api/auth/${path}`, { body, headers: ofOperators })).data

/** The same in the operator's session, with refresh and step-up. @throws ApiError */
export const accountRequest = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  withSession(() => authRequest<T>(method, path, body))
