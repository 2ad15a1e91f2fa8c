// @sallyport/client/admin: the admin API, typed from its document, for back ends, scripts and consoles.
import type { components, paths } from './admin-schema.js'
import { errorFor } from './errors.js'
import type { Success, Verb } from './methods.js'
import { type Fetch, withTimeout } from './transport.js'

type Schemas = components['schemas']
export type AdminUser = Schemas['AdminUser']
export type AdminProject = Schemas['AdminProject']
export type OperatorEntry = Schemas['OperatorEntry']
export type OperatorKey = Schemas['OperatorKey']
export type LogEntry = Schemas['LogEntry']
export type DayStats = Schemas['DayStats']

export interface AdminClientOptions {
  /** Where the service is, such as https://auth.example.com. */
  readonly baseUrl: string
  /** The access token of an operator, or what gets it; an operator key (`sok_…`). */
  readonly token?: string | (() => string | Promise<string>)
  /** A back end with the secret of its project, which acts as admin of that project alone. */
  readonly project?: { readonly id: string; readonly secret: string }
  /** True to send the cookies of an operator who has signed in in this browser. */
  readonly cookies?: boolean
  /** Default: 10 seconds. */
  readonly timeoutMs?: number
  readonly fetch?: Fetch
}

export type AdminVerb = Verb
export type AdminPath<V extends AdminVerb> = keyof {
  [P in keyof paths as paths[P][V] extends object ? P : never]: P
}
type Operation<V extends AdminVerb, P extends keyof paths> = paths[P][V]
type Part<O, Name extends string> = O extends { parameters: { [K in Name]?: infer Q } }
  ? NonNullable<Q>
  : never
type Body<O> = O extends { requestBody?: { content: { 'application/json': infer B } } } ? B : never

/** What an operation answers. */
export type AdminAnswer<V extends AdminVerb, P extends keyof paths> =
  Operation<V, P> extends { responses: infer R } ? Success<R> : never

type Needed<Name extends string, T> = [T] extends [never] ? unknown : { readonly [K in Name]: T }

/** What a call sends: `path` for the ids in the path, `query`, `body`; `ifMatch` the ETag of what was read. */
export type AdminAsked<V extends AdminVerb, P extends keyof paths> = Needed<
  'path',
  Part<Operation<V, P>, 'path'>
> & {
  readonly query?: Part<Operation<V, P>, 'query'>
  readonly body?: Body<Operation<V, P>>
  /** See `etagOf`. */
  readonly ifMatch?: string | undefined
  /** Repeating a POST with the same key does nothing twice. */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

export interface AdminClient {
  /** Calls an operation. @throws ApiError for every refusal, NetworkError without an answer */
  call<V extends AdminVerb, P extends AdminPath<V> & keyof paths>(
    verb: V,
    path: P,
    asked: AdminAsked<V, P>,
  ): Promise<AdminAnswer<V, P>>
  /** The ETag with which an answer came: the `ifMatch` of a change. */
  etagOf(answer: unknown): string | undefined
  /** Every entry of a list, page after page. */
  all<P extends AdminPath<'get'> & keyof paths>(
    path: P,
    asked: AdminAsked<'get', P>,
  ): AsyncGenerator<AdminAnswer<'get', P> extends { data: (infer Item)[] } ? Item : never>
}

interface AnyAsked {
  readonly path?: Record<string, string>
  readonly query?: Record<string, unknown>
  readonly body?: unknown
  readonly ifMatch?: string | undefined
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

const encode = (text: string) => btoa(unescape(encodeURIComponent(text)))

function addressOf(baseUrl: string, path: string, { path: ids = {}, query = {} }: AnyAsked): string {
  const filled = path.replace(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(ids[name] ?? ''))
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return `${baseUrl.replace(/\/+$/, '')}${filled}${given.length > 0 ? `?${search}` : ''}`
}

/** Creates a client of the admin API. */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  const { baseUrl, token, project, cookies = false, timeoutMs = 10_000 } = options
  const send: Fetch = options.fetch ?? ((url, init) => fetch(url, init))
  const etags = new WeakMap<object, string>()

  async function authorization(): Promise<Record<string, string>> {
    if (project) return { authorization: `Basic ${encode(`${project.id}:${project.secret}`)}` }
    const value = typeof token === 'function' ? await token() : token
    return value === undefined ? {} : { authorization: `Bearer ${value}` }
  }

  async function call(verb: string, path: string, asked: AnyAsked = {}): Promise<unknown> {
    const { body, ifMatch, idempotencyKey, signal } = asked
    return withTimeout(timeoutMs, signal, 'The service could not be reached.', async (ended) => {
      const response = await send(addressOf(baseUrl, path, asked), {
        method: verb.toUpperCase(),
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
          ...(await authorization()),
        },
        signal: ended,
        ...(cookies ? { credentials: 'include' as const } : {}),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return await read(response)
    })
  }

  async function read(response: Response): Promise<unknown> {
    const text = await response.text()
    const isJson = /json(?:;|$)/.test(response.headers.get('content-type') ?? '')
    const parsed: unknown = text && isJson ? JSON.parse(text) : text || undefined
    if (!response.ok) throw errorFor(response.status, parsed, response.headers)
    const etag = response.headers.get('etag')
    if (etag !== null && typeof parsed === 'object' && parsed !== null) etags.set(parsed, etag)
    return parsed
  }

  async function* all(path: string, asked: AnyAsked): AsyncGenerator<unknown> {
    let cursor: string | null | undefined
    do {
      const query = cursor ? { ...asked.query, cursor } : { ...asked.query }
      const page = (await call('get', path, { ...asked, query })) as {
        data: unknown[]
        next_cursor?: string | null
      }
      yield* page.data
      cursor = page.next_cursor
    } while (cursor)
  }

  return {
    call,
    all,
    etagOf: (answer: unknown) =>
      typeof answer === 'object' && answer !== null ? etags.get(answer) : undefined,
  } as AdminClient
}
