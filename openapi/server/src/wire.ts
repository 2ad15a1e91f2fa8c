// Requests of a back end to the service: JSON, a timeout, and an error that tells refusals from no answer.
import { ServiceUnavailableError } from './errors.js'

export interface WireOptions {
  /** Where the service is reached from here. */
  readonly url: string
  readonly projectId: string
  readonly projectSecret: string | undefined
  readonly fetch: typeof fetch
}

export interface WireAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export interface Wire {
  /** @throws ServiceUnavailableError for everything but 2xx */
  get(path: string, timeoutMs: number): Promise<WireAnswer>
  /**
   * Sends a request that the project's secret proves.
   *
   * @returns the answer, also of a refusal with status 4xx other than 408 and 429
   * @throws ServiceUnavailableError without such an answer
   */
  asProject(
    path: string,
    options: { form?: Record<string, string>; timeoutMs: number; signal?: AbortSignal },
  ): Promise<WireAnswer>
}

const secondsOf = (headers: Headers) => Number(headers.get('retry-after')) || 5

/** Creates the functions that send requests. */
export function createWire({ url, projectId, projectSecret, fetch }: WireOptions): Wire {
  async function send(
    path: string,
    init: RequestInit,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<WireAnswer> {
    const timeout = AbortSignal.timeout(timeoutMs)
    let response: Response
    let text: string
    try {
      response = await fetch(url + path, {
        ...init,
        // Frameworks that cache requests of a back end must not cache these.
        cache: 'no-store',
        signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      })
      text = await response.text()
    } catch (error) {
      throw new ServiceUnavailableError(error)
    }
    const { status, headers } = response
    if (status >= 500 || status === 408 || status === 429)
      throw new ServiceUnavailableError(new Error(`The service answered ${status}.`), secondsOf(headers))
    try {
      return { status, headers, body: text === '' ? undefined : JSON.parse(text) }
    } catch (error) {
      // A page of a proxy is no answer of the service.
      throw new ServiceUnavailableError(error)
    }
  }

  return {
    async get(path, timeoutMs) {
      const answer = await send(path, { headers: { accept: 'application/json' } }, timeoutMs)
      if (answer.status >= 300)
        throw new ServiceUnavailableError(new Error(`The service answered ${answer.status}.`))
      return answer
    },
    asProject(path, { form, timeoutMs, signal }) {
      const authorization = `Basic ${btoa(`${projectId}:${projectSecret ?? ''}`)}`
      const body = form && { method: 'POST', body: new URLSearchParams(form) }
      return send(
        path,
        { headers: { accept: 'application/json', authorization }, ...body },
        timeoutMs,
        signal,
      )
    },
  }
}
