// The errors of calls: one class for each kind of refusal, and NetworkError where there was no answer.
import type { components } from './schema.js'

type Problem = components['schemas']['Problem']

/** The closed list of the service's codes, and `unexpected_answer` for answers that are not the service's. */
export type ErrorCode = Problem['code'] | 'unexpected_answer'

/** The contents of an error answer. */
export interface Refusal {
  readonly status: number
  readonly code: ErrorCode
  readonly message: string
  readonly requestId: string | null
  /** Seconds to wait, where the answer has them (429, 503). */
  readonly retryAfter: number | null
  /** The problem document (RFC 9457); empty where the answer has none. */
  readonly problem: Partial<Problem>
}

/** The service, or a proxy in front of it, answered with an error. Programs decide by `code`; people read `message`. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: ErrorCode
  /** Identifies the request in the log of the service. */
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

/** 401: wrong credentials, or no valid session. */
export class AuthenticationError extends ApiError {
  override name = 'AuthenticationError'
}

/** 403: not allowed, because of an unverified address, a disabled account or a foreign origin, for example. */
export class AuthorizationError extends ApiError {
  override name = 'AuthorizationError'
}

/** What a second factor or a step-up is proven by. */
export type FactorMethod = NonNullable<Problem['factors']>[number]

/** 403 of a right sign-in that waits for a second factor: `completeSecondFactor` with `challenge` and one of `factors`. */
export class SecondFactorRequiredError extends AuthorizationError {
  override name = 'SecondFactorRequiredError'
  readonly challenge: string
  readonly factors: readonly FactorMethod[]
  /** Where `factors` has `passkey`. */
  readonly passkeyOptions: Problem['passkey_options']
  constructor(refusal: Refusal) {
    super(refusal)
    const { challenge = '', factors = [], passkey_options } = refusal.problem
    this.challenge = challenge
    this.factors = factors
    this.passkeyOptions = passkey_options
  }
}

/** 401 of a method that wants the owner of the account proven again: `stepUp` with one of `factors`. */
export class StepUpRequiredError extends AuthenticationError {
  override name = 'StepUpRequiredError'
  readonly factors: readonly FactorMethod[]
  /** Where `factors` has `passkey`. */
  readonly passkeyOptions: Problem['passkey_options']
  constructor(refusal: Refusal) {
    super(refusal)
    this.factors = refusal.problem.factors ?? []
    this.passkeyOptions = refusal.problem.passkey_options
  }
}

/** 404: the object does not exist or belongs to another user. */
export class NotFoundError extends ApiError {
  override name = 'NotFoundError'
}

/** 422: fields need another value. */
export class ValidationError extends ApiError {
  override name = 'ValidationError'
  /** The sentences of each field, by its name. */
  readonly details: Readonly<Record<string, readonly string[]>>
  constructor(refusal: Refusal) {
    super(refusal)
    this.details = refusal.problem.errors ?? {}
  }
}

/** 429: too many requests or failed attempts. */
export class RateLimitError extends ApiError {
  override name = 'RateLimitError'
  /** Seconds to wait; null where the answer has no value. */
  readonly retryAfter: number | null
  constructor(refusal: Refusal) {
    super(refusal)
    this.retryAfter = refusal.retryAfter
  }
}

/** 5xx: the service, or a proxy in front of it, cannot answer. The request was not confirmed. */
export class ServerError extends ApiError {
  override name = 'ServerError'
  /** Seconds to wait; null where the answer has no value. */
  readonly retryAfter: number | null
  constructor(refusal: Refusal) {
    super(refusal)
    this.retryAfter = refusal.retryAfter
  }
}

/**
 * There was no answer: no network, a broken connection, or a timeout. The session is kept. `cause` is the error that
 * `fetch` threw.
 */
export class NetworkError extends Error {
  override name = 'NetworkError'
  readonly code: 'network_error' | 'timeout'
  constructor(code: 'network_error' | 'timeout', message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/**
 * The service has signed in, but the browser did not keep its cookies: page and service are on different sites, or cookies
 * are blocked. Serve both on one site, set `cookies.same_site` of the project's policy to `none`, or use the bearer transport.
 */
export class SessionNotKeptError extends Error {
  override name = 'SessionNotKeptError'
  readonly code = 'session_not_kept'
  constructor() {
    super('The browser did not keep the cookies of the session, so that nobody is signed in.')
  }
}

const byCode: { readonly [Code in ErrorCode]?: typeof ApiError } = {
  second_factor_required: SecondFactorRequiredError,
  step_up_required: StepUpRequiredError,
}

const classes: Record<number, typeof ApiError> = {
  401: AuthenticationError,
  403: AuthorizationError,
  404: NotFoundError,
  422: ValidationError,
  429: RateLimitError,
}

/**
 * Makes the error of an answer.
 *
 * @param body the parsed body, of any shape
 * @param headers read for Retry-After and X-Request-Id, where the body is no problem document
 */
export function errorFor(status: number, body: unknown, headers: Headers): ApiError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>
  const retryAfter = Number(problem.retry_after ?? headers.get('retry-after') ?? Number.NaN)
  const code = problem.code ?? 'unexpected_answer'
  const Kind = byCode[code] ?? classes[status] ?? (status >= 500 ? ServerError : ApiError)
  return new Kind({
    status,
    code,
    message: problem.message ?? `The answer has status ${status} and is not one of the service's.`,
    requestId: problem.request_id ?? headers.get('x-request-id'),
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : null,
    problem,
  })
}
