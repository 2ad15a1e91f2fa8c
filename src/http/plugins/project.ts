// Finds the project of a request; every route in its scope that is not open has one.
import type { FastifyRequest } from 'fastify'
import { AuthError } from '../../domain/errors.ts'
import type { ProjectCache } from '../../domain/projects/project-cache.ts'
import { isProjectSecret } from '../../domain/projects/projects.ts'
import { isUuid } from '../../formats.ts'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import { isOpen } from './access.ts'
import type { ClientCredentials } from './client-authentication.ts'
import { plugin } from './plugin.ts'

interface ProjectOptions {
  readonly projects: ProjectCache
  /** The id of the project that a request names; null: it names none. */
  readonly projectIdOf: (request: FastifyRequest) => string | null
  /** Whether requests without a route belong to a project too; default: no. */
  readonly includesUnmatched?: boolean
}

/**
 * Reads the project's id from where the route has it, or from the header project-id.
 * @param defaultProjectId the project of requests that name none; null: the header is required
 */
export function projectHeaderOr(defaultProjectId: string | null): ProjectOptions['projectIdOf'] {
  return (request) => {
    const header = request.declared.projectOf?.(request) ?? readHeader(request, 'project-id')
    return header === undefined ? defaultProjectId : header.trim().toLowerCase()
  }
}

/** The project of a path with the parameter `project_id`. */
export const projectInPath = ({ params }: { params: unknown }): string =>
  (params as { project_id: string }).project_id

/** The project that the query of a page names, else the default one; null: there is neither. */
export function projectInQuery(query: unknown, defaultProjectId: string | null): string | null {
  const { project: named } = Object(query) as { project?: unknown }
  return typeof named === 'string' && named !== '' ? named.trim().toLowerCase() : defaultProjectId
}

const isUnknown = (error: unknown) => error instanceof AuthError && error.code === 'project_unknown'

/** Whether the header project-id is absent or names the same project. */
function isAlsoInHeader(request: FastifyRequest, { projectId }: ClientCredentials): boolean {
  const header = readHeader(request, 'project-id')
  return header === undefined || header.trim().toLowerCase() === projectId
}

export const project = plugin<ProjectOptions>(
  'project',
  async (api, { projects, projectIdOf, includesUnmatched = false }) => {
    api.decorateRequest('project')
    api.decorateRequest('provesProject', function (this: FastifyRequest) {
      const secret = readHeader(this, 'project-secret') ?? this.clientCredentials?.secret
      return secret !== undefined && isProjectSecret(this.project, secret)
    })

    api.addHook('onRequest', (request, _reply, done) => {
      if (isOpen(request) && !includesUnmatched) return done()
      const client = request.clientCredentials
      const id = client ? client.projectId : projectIdOf(request)
      if (client && !isAlsoInHeader(request, client))
        return done(new RequestProblem('invalid_project_secret'))
      if (id === null) return done(new AuthError('project_required'))
      if (!isUuid(id)) return done(new AuthError('project_unknown'))
      const known = projects.peek(id)
      if (known) {
        request.project = known
        return done()
      }
      projects.get(id).then(
        (found) => {
          request.project = found
          done()
        },
        // To an OAuth client an unknown id is a failed authentication (RFC 6749 §5.2).
        (error: Error) =>
          done(client && isUnknown(error) ? new RequestProblem('invalid_project_secret') : error),
      )
    })
  },
)
