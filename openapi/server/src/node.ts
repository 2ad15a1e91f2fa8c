// Requests of Node as those of the web platform, for Express and Fastify.
import { SallyportError } from './errors.js'

/** The parts of a request that are read, of Node or of Express, which may have parsed the body. */
export interface NodeRequest extends AsyncIterable<Uint8Array> {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The parsed body. */
  readonly body?: unknown
}

const maxBytes = 65_536

async function bytesOf(request: NodeRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > maxBytes) throw new SallyportError(413, 'not_allowed', 'The body is too long.')
    chunks.push(chunk)
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** The body as it was sent, or as a parser of the framework has read it. */
async function bodyOf(request: NodeRequest): Promise<BodyInit> {
  const { body, headers } = request
  if (body === undefined || body === null) return (await bytesOf(request)) as BodyInit
  if (typeof body !== 'object') return String(body)
  const isJson = String(headers['content-type']).includes('json')
  return isJson ? JSON.stringify(body) : new URLSearchParams(body as Record<string, string>).toString()
}

/**
 * Makes the request of the web platform.
 *
 * @param path with the query, as the browser asked for it
 */
export async function toWebRequest(request: NodeRequest, path: string): Promise<Request> {
  const method = (request.method ?? 'GET').toUpperCase()
  const headers = new Headers()
  // Pseudo-headers of HTTP/2 are not headers of a Request.
  for (const [name, value] of Object.entries(request.headers))
    for (const each of value === undefined || name.startsWith(':') ? [] : [value].flat())
      headers.append(name, each)
  const hasBody = method !== 'GET' && method !== 'HEAD'
  // The host says nothing here: the routes know the address of the application.
  const url = new URL(path, 'http://application.invalid')
  return new Request(url, { method, headers, ...(hasBody ? { body: await bodyOf(request) } : {}) })
}
