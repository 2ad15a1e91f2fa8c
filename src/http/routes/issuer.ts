// GET /projects/{project_id}/.well-known/openid-configuration.
import { projectOpenidConfiguration } from '../../../schemas/operations.ts'
import { issuerMetadata, issuerOf, metadataCaching } from '../issuers.ts'
import type { Api } from '../typebox.ts'

/** The project of the path is in `request.project`, and has an issuer of its own. */
export async function issuerRoutes(api: Api, { publicUrl }: { publicUrl: string }): Promise<void> {
  api.get(
    '/projects/:project_id/.well-known/openid-configuration',
    {
      schema: projectOpenidConfiguration,
      config: {
        access: 'public',
        limit: 'read',
        projectOf: ({ params }) => (params as { project_id: string }).project_id,
      },
    },
    async ({ project }, reply) => {
      reply.header('cache-control', metadataCaching)
      return issuerMetadata(publicUrl, issuerOf(publicUrl, project))
    },
  )
}
