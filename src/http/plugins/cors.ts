// CORS (WHATWG Fetch) for the origins in a project's policy, and for public documents.
//
// Not @fastify/cors: it merges its options for each request, even without an Origin, which slows GET /me down by a tenth.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ProjectCache } from '../../domain/projects/project-cache.ts'
import { isUuid } from '../../formats.ts'
import { pageHeaders, readHeader } from '../request-headers.ts'
import type { Api } from '../typebox.ts'
import { plugin } from './plugin.ts'

interface CorsOptions {
  readonly projects: ProjectCache
  /** The id of the project that a request names; null: it names none. */
  readonly projectIdOf: (request: FastifyRequest) => string | null
  /** Whether a page may send any header: the clients of a product have their own. Default: those that the service reads. */
  readonly anyHeader?: boolean
}

/** Response headers that are always exposed to pages; those that an answer has are added. */
const exposed = ['idempotency-replayed', 'ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id']

const methods = 'GET, POST, PUT, PATCH, DELETE'
const maxAge = '600'

/** A list of at most 64 header names, as a browser requests it. */
const requestedHeaders = /^[\w!#$%&'*+.^`|~-]+(?: ?, ?[\w!#$%&'*+.^`|~-]+){0,63}$/

/** The headers that a preflight allows. */
function allowedHeaders(request: FastifyRequest, anyHeader: boolean): string {
  const asked = anyHeader ? readHeader(request, 'access-control-request-headers') : undefined
  const isEchoed = asked !== undefined && asked.length <= 2048 && requestedHeaders.test(asked)
  return isEchoed ? asked : pageHeaders.join(', ')
}

/** The names of an answer's headers that a browser may show to a page. */
function readableHeaders(reply: FastifyReply): string {
  const names = Object.keys(reply.getHeaders()).filter(
    (name) => name !== 'set-cookie' && !name.startsWith('access-control-'),
  )
  return [...new Set([...exposed, ...names])].join(', ')
}

export const cors = plugin<CorsOptions>('cors', async (api, { projects, projectIdOf, anyHeader = false }) => {
  api.decorateRequest('isFromListedOrigin', false)

  /** A preflight names no project, so an origin of any project is allowed; the request after it is checked by its project. */
  async function allows(request: FastifyRequest, origin: string): Promise<boolean> {
    if (request.method === 'OPTIONS') return projects.anyAllowsOrigin(origin)
    const id = projectIdOf(request)
    if (id === null || !isUuid(id)) return false
    const known = projects.peek(id) ?? (await projects.get(id).catch(() => null))
    return known?.policy.origins.includes(origin) ?? false
  }

  api.addHook('onRequest', (request, reply, done) => {
    // A cache must not give one origin the answer to another.
    reply.header('vary', 'Origin')
    const origin = readHeader(request, 'origin')
    if (origin === undefined) return done()
    allows(request, origin).then((allowed) => {
      if (!allowed) return done()
      request.isFromListedOrigin = true
      reply.header('access-control-allow-origin', origin)
      reply.header('access-control-allow-credentials', 'true')
      if (request.method !== 'OPTIONS') return done()
      reply.code(204).headers({
        'access-control-allow-methods': methods,
        'access-control-allow-headers': allowedHeaders(request, anyHeader),
        'access-control-max-age': maxAge,
        'content-length': '0',
      })
      reply.send()
    }, done)
  })
  api.addHook('onSend', (request, reply, payload, done) => {
    if (request.isFromListedOrigin) reply.header('access-control-expose-headers', readableHeaders(reply))
    done(null, payload)
  })
  // Hooks run only for routes, so preflights need one. The handler is reached where the origin was not allowed.
  api.options('*', { schema: { hide: true } }, (_request, reply) => reply.callNotFound())
})

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the answer is the same for every client, so that every origin may read it. */
    isPublished?: true
  }
  interface FastifyRequest {
    isFromListedOrigin: boolean
  }
}

/** OpenAPI documents, discovery and key sets, which are the same for every client. */
const published = /^\/openapi\/[^/]+$|\/\.well-known\/.+$/

/** Opens the public documents to every origin. They need no cookies, so `*` is enough. */
export const openToEveryOrigin = plugin('open-to-every-origin', async (api: Api) => {
  api.addHook('onRoute', (route) => {
    if (published.test(route.url)) route.config = { ...route.config, isPublished: true }
  })
  api.addHook('onRequest', (request, reply, done) => {
    if (!request.declared.isPublished) return done()
    reply.header('access-control-allow-origin', '*')
    reply.header('access-control-expose-headers', '*')
    reply.header('cross-origin-resource-policy', 'cross-origin')
    if (request.method !== 'OPTIONS') return done()
    reply.code(204).headers({
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': [...pageHeaders, '*'].join(', '),
      'access-control-max-age': maxAge,
      'content-length': '0',
    })
    reply.send()
  })
  for (const url of ['/openapi/*', '/.well-known/*', '/projects/:project_id/.well-known/*'])
    api.options(url, { schema: { hide: true } }, (_request, reply) => reply.callNotFound())
})
