// The errors of this package: each has the status, the headers and the problem document that a back end answers with.

/** The closed list of codes. */
export type SallyportErrorCode =
  | 'unauthenticated'
  | 'insufficient_user_authentication'
  | 'cross_site_request'
  | 'not_allowed'
  | 'service_unavailable'

/** A request that cannot be served; programs decide by `code`, people read `message`. */
export class SallyportError extends Error {
  override name = 'SallyportError'
  readonly status: number
  readonly code: SallyportErrorCode
  /** Headers of the answer, such as WWW-Authenticate. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: SallyportErrorCode,
    message: string,
    { headers = {}, cause }: { headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.status = status
    this.code = code
    this.headers = headers
  }

  /** The problem document (RFC 9457). */
  get problem(): { status: number; code: SallyportErrorCode; message: string } {
    return { status: this.status, code: this.code, message: this.message }
  }

  /** The error as an answer. */
  toResponse(): Response {
    const headers = { 'cache-control': 'no-store', 'content-type': 'application/problem+json' }
    return new Response(JSON.stringify(this.problem), {
      status: this.status,
      headers: { ...headers, ...this.headers },
    })
  }
}

/** 401: no session, or one that has ended. */
export class UnauthenticatedError extends SallyportError {
  override name = 'UnauthenticatedError'
  constructor(presented: boolean) {
    const challenge = presented ? 'Bearer error="invalid_token"' : 'Bearer'
    super(401, 'unauthenticated', 'Sign in first.', { headers: { 'www-authenticate': challenge } })
  }
}

/** How strongly and how recently the user must have been authenticated. */
export interface AuthenticationDemand {
  /** `'2'`: with a second factor or a passkey. */
  readonly requireAcr?: string
  /** Seconds since the user was authenticated last. */
  readonly maxAgeSeconds?: number
}

/** 401: the session is valid, but its owner must be authenticated again (RFC 9470 §3). */
export class StepUpRequiredError extends SallyportError {
  override name = 'StepUpRequiredError'
  readonly demand: AuthenticationDemand
  constructor(demand: AuthenticationDemand) {
    const { requireAcr, maxAgeSeconds } = demand
    const words = [
      'Bearer error="insufficient_user_authentication"',
      'error_description="A stronger or more recent authentication is required"',
      ...(requireAcr === undefined ? [] : [`acr_values="${requireAcr}"`]),
      ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
    ]
    super(401, 'insufficient_user_authentication', 'Confirm that it is you, and try again.', {
      headers: { 'www-authenticate': words.join(', ') },
    })
    this.demand = demand
  }
}

/** 403: a request with a session cookie that a page of another site may have made. */
export class CrossSiteRequestError extends SallyportError {
  override name = 'CrossSiteRequestError'
  constructor() {
    super(403, 'cross_site_request', 'The request came from another site.')
  }
}

/** 503: the service cannot be asked. It says nothing about whether the user is signed in. */
export class ServiceUnavailableError extends SallyportError {
  override name = 'ServiceUnavailableError'
  constructor(cause: unknown, retryAfterSeconds = 5) {
    super(503, 'service_unavailable', 'Signing in is not available at the moment. Try again soon.', {
      headers: { 'retry-after': String(retryAfterSeconds) },
      cause,
    })
  }
}
