// One HTTP request and its answer: JSON both ways, a timeout, the caller's signal, and errors by their kind.
import { ApiError, errorFor, NetworkError } from './errors.js'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface Call {
  readonly method: string
  /** Below baseUrl, with its query. */
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
  /** Whether cookies travel, also to another origin. */
  readonly credentials: boolean
  readonly timeoutMs: number
  readonly fetch: Fetch
}

const isBlob = (body: unknown): body is Blob => typeof Blob === 'function' && body instanceof Blob

/**
 * Builds `send`: in a call, out the parsed body of a 2xx (undefined where there is none).
 * Throws ApiError for any other answer, NetworkError for none, and the signal's reason when the caller gave up.
 */
export function createTransport(options: TransportOptions): (call: Call) => Promise<unknown> {
  return async ({ method, path, body, headers, signal }) => {
    if (signal?.aborted) throw signal.reason
    const ended = new AbortController()
    const end = () => ended.abort(signal?.reason)
    const timer = setTimeout(end, options.timeoutMs)
    signal?.addEventListener('abort', end)
    const bytes = isBlob(body)
    try {
      const response = await options.fetch(options.baseUrl + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': bytes ? body.type : 'application/json' }),
          ...(options.projectId ? { 'project-id': options.projectId } : {}),
          ...options.headers,
          ...headers,
        },
        signal: ended.signal,
        // Some edge runtimes refuse to be told what they would not do anyway.
        ...(options.credentials ? { credentials: 'include' } : {}),
        ...(body === undefined ? {} : { body: bytes ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      const parsed = parse(text)
      // A page of some proxy or hotel is no answer, whatever its status claims.
      if (!response.ok || (text && parsed === undefined))
        throw errorFor(response.ok ? 502 : response.status, parsed, response.headers)
      return parsed
    } catch (error) {
      if (signal?.aborted) throw signal.reason ?? error
      if (ended.signal.aborted)
        throw new NetworkError('timeout', `No answer within ${options.timeoutMs} ms.`, error)
      if (error instanceof ApiError) throw error
      throw new NetworkError('network_error', 'The service could not be reached.', error)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
    }
  }
}

function parse(text: string): unknown {
  try {
    return text ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}
