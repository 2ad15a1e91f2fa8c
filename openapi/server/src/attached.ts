// The session that a middleware has found for a request, for the handlers after it.
import type { Session } from './access-token.js'
import {
  type AuthenticationDemand,
  SallyportError,
  StepUpRequiredError,
  UnauthenticatedError,
} from './errors.js'
import type { RequestLike } from './requests.js'
import type { Sallyport } from './sallyport.js'

const sessions = new WeakMap<object, Session | null>()

/** Remembers the session of a request, or that there is none. */
export function attach(request: object, session: Session | null): void {
  sessions.set(request, session)
}

/**
 * The session of a request; null: signed out.
 *
 * @throws TypeError where the middleware did not run
 */
export function sessionOf(request: object): Session | null {
  const session = sessions.get(request)
  if (session === undefined)
    throw new TypeError('sessionOf() needs the middleware sallyport(auth) before the route.')
  return session
}

/**
 * The session of a request that only a signed-in user may make.
 *
 * @throws UnauthenticatedError, StepUpRequiredError
 */
export function demandSession(
  auth: Sallyport,
  request: RequestLike & object,
  demand: AuthenticationDemand = {},
): Session {
  const session = sessionOf(request)
  if (!session)
    throw new UnauthenticatedError(request.headers !== undefined && 'authorization' in request.headers)
  if (!auth.meets(session, demand)) throw new StepUpRequiredError(demand)
  return session
}

/** The answer to an error of this package; every other error is thrown again. */
export function refusalOf(
  auth: Sallyport,
  request: RequestLike & { url?: string | undefined },
  error: unknown,
): Response {
  if (error instanceof SallyportError) return auth.refusal(request, error)
  throw error
}
