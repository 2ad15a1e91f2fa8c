// GET /.well-known/webauthn and /.well-known/passkey-endpoints, and the same below /projects/{project_id}.
import * as schemas from '../../../schemas/relying-parties.ts'
import type { ProjectCache } from '../../domain/projects/project-cache.ts'
import type { Project } from '../../domain/projects/projects.ts'
import { defaultRelyingPartyId } from '../../domain/projects/relying-party.ts'
import { cacheMetadata } from '../issuers.ts'
import { projectInPath } from '../plugins/project.ts'
import type { Api } from '../typebox.ts'

const endpointsOf = ({ policy }: Project) => {
  const { manage_url: url } = policy.passkeys
  return url === null ? {} : { enroll: url, manage: url }
}

interface RelyingPartyRoutes {
  readonly projects: ProjectCache
  readonly publicUrl: string
  readonly defaultProjectId: string | null
}

/** The documents of the host of PUBLIC_URL, for every project whose passkeys belong to it. */
export async function relyingPartyRoutes(
  api: Api,
  { projects, publicUrl, defaultProjectId }: RelyingPartyRoutes,
): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const
  const id = defaultRelyingPartyId(publicUrl)

  api.get('/.well-known/webauthn', { schema: schemas.relatedOrigins, config }, async (_request, reply) => {
    cacheMetadata(reply)
    return { origins: [...(await projects.relatedOrigins(id))] }
  })

  api.get(
    '/.well-known/passkey-endpoints',
    { schema: schemas.passkeyEndpoints, config },
    async (_request, reply) => {
      cacheMetadata(reply)
      return defaultProjectId === null ? {} : endpointsOf(await projects.get(defaultProjectId))
    },
  )
}

/** The documents of one project, for the domain that its passkeys belong to. */
export async function projectRelyingPartyRoutes(api: Api): Promise<void> {
  const config = { access: 'public', limit: 'read', projectOf: projectInPath } as const

  api.get(
    '/projects/:project_id/.well-known/webauthn',
    { schema: schemas.projectRelatedOrigins, config },
    async ({ project }, reply) => {
      cacheMetadata(reply)
      return { origins: project.policy.passkeys.related_origins }
    },
  )

  api.get(
    '/projects/:project_id/.well-known/passkey-endpoints',
    { schema: schemas.projectPasskeyEndpoints, config },
    async ({ project }, reply) => {
      cacheMetadata(reply)
      return endpointsOf(project)
    },
  )
}
