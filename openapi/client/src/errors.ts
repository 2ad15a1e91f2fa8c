// What a call can fail with: one class for each kind of refusal, and one for a network that gave no answer.
import type { components } from './schema.js'

type Problem = components['schemas']['Problem']

/** The closed list of the service's codes, and `unexpected_answer` for what did not come from the service. */
export type ErrorCode = Problem['code'] | 'unexpected_answer'

/** The facts of a refusal, as the service told them. */
export interface Refusal {
  readonly status: number
  readonly code: ErrorCode
  readonly message: string
  readonly requestId: string | null
  /** Seconds to wait, where the service said so (429, 503). */
  readonly retryAfter: number | null
  /** The problem document (RFC 9457); empty where the answer was none. */
  readonly problem: Partial<Problem>
}

/** The service, or something in front of it, answered with an error. Decide by `code`, show `message`. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: ErrorCode
  /** Names the request in the log of the service. */
  readonly requestId: string | null
  readonly problem: Partial<Problem>
  constructor({ status, code, message, requestId, problem }: Refusal) {
    super(message)
    this.status = status
    this.code = code
    this.requestId = requestId
    this.problem = problem
  }
}

/** 401: wrong credentials, or nobody is signed in (any more). */
export class AuthenticationError extends ApiError {
  override name = 'AuthenticationError'
}

/** 403: known, and not allowed: an unverified address, a disabled account, a foreign origin. */
export class AuthorizationError extends ApiError {
  override name = 'AuthorizationError'
}

/** 404: nothing there, or not yours. */
export class NotFoundError extends ApiError {
  override name = 'NotFoundError'
}

/** 422: fields need another value. */
export class ValidationError extends ApiError {
  override name = 'ValidationError'
  /** Field name to sentences for people. */
  readonly details: Readonly<Record<string, readonly string[]>>
  constructor(refusal: Refusal) {
    super(refusal)
    this.details = refusal.problem.errors ?? {}
  }
}

/** 429: too many requests or failed attempts. */
export class RateLimitError extends ApiError {
  override name = 'RateLimitError'
  /** Seconds to wait; null where nobody said. */
  readonly retryAfter: number | null
  constructor(refusal: Refusal) {
    super(refusal)
    this.retryAfter = refusal.retryAfter
  }
}

/** 5xx: the service, or what stands in front of it, cannot answer. Nothing was acknowledged. */
export class ServerError extends ApiError {
  override name = 'ServerError'
  /** Seconds to wait; null where nobody said. */
  readonly retryAfter: number | null
  constructor(refusal: Refusal) {
    super(refusal)
    this.retryAfter = refusal.retryAfter
  }
}

/** There was no answer: no network, a broken connection, or none within the timeout. Never means signed out. Its cause is what `fetch` threw. */
export class NetworkError extends Error {
  override name = 'NetworkError'
  readonly code: 'network_error' | 'timeout'
  constructor(code: 'network_error' | 'timeout', message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

const classes: Record<number, typeof ApiError> = {
  401: AuthenticationError,
  403: AuthorizationError,
  404: NotFoundError,
  422: ValidationError,
  429: RateLimitError,
}

/** The error for an answer. In: its status, its parsed body (anything), its headers. */
export function errorFor(status: number, body: unknown, headers: Headers): ApiError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>
  const retryAfter = Number(problem.retry_after ?? headers.get('retry-after') ?? Number.NaN)
  const Kind = classes[status] ?? (status >= 500 ? ServerError : ApiError)
  return new Kind({
    status,
    code: problem.code ?? 'unexpected_answer',
    message: problem.message ?? `The answer has status ${status} and is not one of the service's.`,
    requestId: problem.request_id ?? headers.get('x-request-id'),
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : null,
    problem,
  })
}
