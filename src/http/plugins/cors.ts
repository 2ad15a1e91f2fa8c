// CORS (WHATWG Fetch) from the origins that a project's policy lists.
import fastifyCors from '@fastify/cors'
import type { FastifyRequest } from 'fastify'
import type { Projects } from '../../domain/projects.ts'
import { plugin } from './plugin.ts'

export interface CorsOptions {
  readonly projects: Projects
  readonly defaultProjectId: string | null
}

export const cors = plugin<CorsOptions>('cors', async (api, { projects, defaultProjectId }) => {
  /** A preflight names no project, so it is answered for any; the request after it is judged by its own. */
  async function allows(request: FastifyRequest, origin: string): Promise<boolean> {
    if (request.method === 'OPTIONS') return projects.anyAllowsOrigin(origin)
    const id = request.headers['project-id'] ?? defaultProjectId
    if (typeof id !== 'string') return false
    const known = projects.peek(id) ?? (await projects.get(id).catch(() => null))
    return known?.policy.origins.includes(origin) ?? false
  }

  await api.register(
    fastifyCors,
    () => (request: FastifyRequest, callback: (error: Error | null, options: object) => void) => {
      const { origin } = request.headers
      const shared = {
        credentials: true,
        methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: ['authorization', 'content-type', 'project-id', 'session-transport'],
        exposedHeaders: ['ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id'],
        maxAge: 600,
        strictPreflight: false,
      }
      if (origin === undefined) return callback(null, { origin: false })
      allows(request, origin).then(
        (allowed) => callback(null, allowed ? { ...shared, origin } : { origin: false }),
        (error: Error) => callback(error, { origin: false }),
      )
    },
  )
})
