// CORS (WHATWG Fetch) from the origins that a project's policy lists.
import type { FastifyRequest } from 'fastify'
import type { Projects } from '../../domain/projects.ts'
import { plugin } from './plugin.ts'

export interface CorsOptions {
  readonly projects: Projects
  /** The id of the project that a request is for, as far as it says. */
  readonly projectIdOf: (request: FastifyRequest) => string | null
  /** Headers of this scope's answers that a page may read besides those of all. */
  readonly exposes?: readonly string[] | undefined
}

const exposed = ['idempotency-replayed', 'ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id']

const preflight = {
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers':
    'authorization, content-type, idempotency-key, project-id, session-transport',
  'access-control-max-age': '600',
  'content-length': '0',
}

export const cors = plugin<CorsOptions>('cors', async (api, { projects, projectIdOf, exposes = [] }) => {
  const shared = {
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': [...new Set([...exposed, ...exposes])].join(', '),
  }

  /** A preflight names no project, so it is answered for any; the request after it is judged by its own. */
  async function allows(request: FastifyRequest, origin: string): Promise<boolean> {
    if (request.method === 'OPTIONS') return projects.anyAllowsOrigin(origin)
    const id = projectIdOf(request)
    if (id === null) return false
    const known = projects.peek(id) ?? (await projects.get(id).catch(() => null))
    return known?.policy.origins.includes(origin) ?? false
  }

  // By hand: @fastify/cors builds its options anew for each request, also where no Origin asks for them.
  api.addHook('onRequest', (request, reply, done) => {
    // A cache must not give one origin the answer to another.
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined) return done()
    allows(request, origin).then((allowed) => {
      if (!allowed) return done()
      reply.headers({ ...shared, 'access-control-allow-origin': origin })
      if (request.method !== 'OPTIONS') return done()
      reply.code(204).headers(preflight).send()
    }, done)
  })
  // Hooks run for routes alone, so a preflight needs one; it is reached where the origin was not allowed.
  api.options('*', { schema: { hide: true } }, (_request, reply) => reply.callNotFound())
})
