// Refreshes a visitor's session: once for all requests of this process that present the same token. Other processes get
// the same tokens from the service, which answers a repeated refresh within its grace as the first one.
import {
  ApiError,
  AuthenticationError,
  RateLimitError,
  ServerError,
  ValidationError,
} from '@sallyport/client'
import { SallyportError, ServiceUnavailableError } from './errors.js'
import type { IssuedSession } from './session-cookies.js'

/** Milliseconds for which requests that were under way get the result of a refresh that has ended. */
const keptMs = 10_000

/** The new tokens; null where the service has refused the old one, so that the session has ended. */
export type Refreshed = IssuedSession | null

interface Flight {
  readonly result: Promise<Refreshed>
  /** Milliseconds of the monotonic clock; infinite until there is a result. */
  until: number
  /** The new refresh token. */
  token?: string | undefined
}

/**
 * Turns an error of a call into one of this package.
 *
 * @returns ServiceUnavailableError where there was no answer, or one that says nothing about the user
 */
export function unavailable(error: unknown): unknown {
  if (error instanceof SallyportError) return error
  if (error instanceof RateLimitError || error instanceof ServerError)
    return new ServiceUnavailableError(error, error.retryAfter ?? undefined)
  if (!(error instanceof ApiError)) return new ServiceUnavailableError(error)
  return error
}

export interface Refresher {
  /** @throws ServiceUnavailableError where the service gave no verdict */
  refresh(token: string): Promise<Refreshed>
  /** Forgets the refreshes of a session that has ended. @param token its newest refresh token */
  forget(token: string): void
}

/**
 * Creates the refresher.
 *
 * @param send sends the request of one refresh token
 */
export function createRefresher(send: (token: string) => Promise<IssuedSession>): Refresher {
  const flights = new Map<string, Flight>()

  async function exchange(token: string): Promise<Refreshed> {
    try {
      return await send(token)
    } catch (error) {
      if (error instanceof ValidationError) return null
      if (error instanceof AuthenticationError && error.code === 'invalid_refresh_token') return null
      if (error instanceof ApiError && error.status === 403)
        throw new SallyportError(403, 'not_allowed', error.message, { cause: error })
      const failure = unavailable(error)
      throw failure instanceof ApiError ? new ServiceUnavailableError(failure) : failure
    }
  }

  function refresh(token: string): Promise<Refreshed> {
    const now = performance.now()
    // In the order in which they began; a later one may end first, and is then kept a little longer.
    for (const [key, { until }] of flights) {
      if (until > now) break
      flights.delete(key)
    }
    const known = flights.get(token)
    if (known && known.until > now) return known.result
    const flight: Flight = { result: exchange(token), until: Number.POSITIVE_INFINITY }
    flights.set(token, flight)
    flight.result.then(
      (result) => {
        flight.until = result ? performance.now() + keptMs : 0
        flight.token = result?.refresh_token
      },
      () => {
        flight.until = 0
      },
    )
    return flight.result
  }

  function forget(token: string): void {
    for (const [key, flight] of flights) if (key === token || flight.token === token) flights.delete(key)
  }

  return { refresh, forget }
}
