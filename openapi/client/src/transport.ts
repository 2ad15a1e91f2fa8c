// Sends one HTTP request: JSON in both directions, a timeout, the caller's signal, and a class for each kind of error.
import { ApiError, errorFor, NetworkError } from './errors.js'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface Call {
  readonly method: string
  /** The path below baseUrl, with the query. */
  readonly path: string
  /** Sent as JSON; a Blob as its bytes. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal | undefined
}

export interface TransportOptions {
  readonly baseUrl: string
  readonly projectId: string | undefined
  /** Sent with every request. */
  readonly headers: Record<string, string>
  /** True to send cookies, also to another origin. */
  readonly credentials: boolean
  readonly timeoutMs: number
  readonly fetch: Fetch
}

const isBlob = (body: unknown): body is Blob => typeof Blob === 'function' && body instanceof Blob

/**
 * Runs a request with a timeout.
 *
 * @param unreachable the message of the NetworkError without an answer
 * @param send gets the signal that ends the request
 * @throws ApiError of `send`; NetworkError; the reason of `signal` after its abort
 */
export async function withTimeout<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  unreachable: string,
  send: (ended: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw signal.reason
  const ended = new AbortController()
  const end = () => ended.abort(signal?.reason)
  const timer = setTimeout(end, timeoutMs)
  signal?.addEventListener('abort', end)
  try {
    return await send(ended.signal)
  } catch (error) {
    if (signal?.aborted) throw signal.reason ?? error
    if (ended.signal.aborted) throw new NetworkError('timeout', `No answer within ${timeoutMs} ms.`, error)
    if (error instanceof ApiError) throw error
    throw new NetworkError('network_error', unreachable, error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}

/**
 * Creates the function that sends a call.
 *
 * @returns a function that resolves to the parsed body of a 2xx (undefined where it has none), and throws ApiError for any
 * other answer, NetworkError without an answer, and the signal's reason after an abort
 */
export function createTransport(options: TransportOptions): (call: Call) => Promise<unknown> {
  return ({ method, path, body, headers, signal }) =>
    withTimeout(options.timeoutMs, signal, unreachable, async (ended) => {
      const bytes = isBlob(body)
      const response = await options.fetch(options.baseUrl + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': bytes ? body.type : 'application/json' }),
          ...(options.projectId ? { 'project-id': options.projectId } : {}),
          ...options.headers,
          ...headers,
        },
        signal: ended,
        // Set only where needed, because some edge runtimes refuse the option.
        ...(options.credentials ? { credentials: 'include' } : {}),
        ...(body === undefined ? {} : { body: bytes ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      const parsed = parse(text)
      // A page of a proxy or a captive portal is not an answer of the service, whatever its status.
      if (!response.ok || (text && parsed === undefined))
        throw errorFor(response.ok ? 502 : response.status, parsed, response.headers)
      return parsed
    })
}

/** A page of an origin that the policy does not list is told no more by its browser. */
const unreachable =
  'location' in globalThis
    ? 'The service could not be reached, or the origin of this page is not in "origins" of the policy (npx . projects allow).'
    : 'The service could not be reached.'

function parse(text: string): unknown {
  try {
    return text ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}
