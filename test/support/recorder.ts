// A fetch that records requests and answers, and checks every answer against the published document.
import { contractViolation } from './contract.ts'

export interface Recorded {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly headers: Record<string, string>
  /** The parsed body of the request. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape
  readonly body: any
  /** null: there was no answer. */
  status: number | null
}

export interface Recorder {
  readonly calls: Recorded[]
  /** The number of requests to `/api/auth<path>`. */
  count(path: string): number
  fetch(url: string, init: RequestInit): Promise<Response>
}

interface Test {
  fail(...message: [string, Record<string, unknown>]): unknown
}

/** Records on top of the global fetch. */
export function record(t: Test): Recorder {
  const calls: Recorded[] = []
  return {
    calls,
    count: (path) => calls.filter((call) => call.path === `/api/auth${path}`).length,
    async fetch(url, init) {
      const { body } = init
      const headers: Record<string, string> = {}
      new Headers(init.headers).forEach((value, name) => {
        headers[name] = value
      })
      const call: Recorded = {
        method: init.method ?? 'GET',
        path: new URL(url).pathname,
        headers,
        body: typeof body === 'string' ? JSON.parse(body) : body,
        status: null,
      }
      calls.push(call)
      const response = await fetch(url, init)
      call.status = response.status
      const mediaType = (response.headers.get('content-type') ?? '').split(';')[0] ?? ''
      const text = await response.clone().text()
      const violation = contractViolation(call.method, call.path, {
        status: response.status,
        mediaType,
        body: mediaType.endsWith('json') ? JSON.parse(text) : text,
      })
      if (violation) t.fail('the answer breaks the published document', { violation, text })
      return response
    },
  }
}
