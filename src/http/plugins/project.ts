// Which project a request is for; nothing below runs without one.
import type { FastifyRequest } from 'fastify'
import { AuthError } from '../../domain/errors.ts'
import type { Projects } from '../../domain/projects.ts'
import { isUuid } from '../../domain/uuid.ts'
import { isOpen } from './access.ts'
import { plugin } from './plugin.ts'

export interface ProjectOptions {
  readonly projects: Projects
  /** The id of the project that a request is for, as far as it says. */
  readonly projectIdOf: (request: FastifyRequest) => string | null
  /** Whether a request for what is no route belongs to a project too. */
  readonly everywhere?: boolean
}

/** By what the route reads it from or the header project-id, else the default; null: the header is required. */
export function projectHeaderOr(defaultProjectId: string | null): ProjectOptions['projectIdOf'] {
  return (request) => {
    const header = request.declared.projectOf?.(request) ?? request.headers['project-id']
    return header === undefined ? defaultProjectId : String(header).trim().toLowerCase()
  }
}

export const project = plugin<ProjectOptions>(
  'project',
  async (api, { projects, projectIdOf, everywhere = false }) => {
    api.decorateRequest('project')
    api.decorateRequest('provesProject', function (this: FastifyRequest) {
      const secret = this.headers['project-secret']
      return typeof secret === 'string' && projects.proves(this.project, secret)
    })

    api.addHook('onRequest', (request, _reply, done) => {
      if (isOpen(request) && !everywhere) return done()
      const id = projectIdOf(request)
      if (id === null) return done(new AuthError('project_required'))
      if (!isUuid(id)) return done(new AuthError('project_unknown'))
      const known = projects.peek(id)
      if (known) {
        request.project = known
        return done()
      }
      projects.get(id).then((found) => {
        request.project = found
        done()
      }, done)
    })
  },
)
