// The metadata of one project's issuer, for OpenID Connect Discovery and for OAuth (RFC 8414 §3.1).
import { projectAuthorizationServer, projectOpenidConfiguration } from '../../../schemas/operations.ts'
import { basePathOf } from '../base-path.ts'
import { cacheMetadata, issuerMetadata, issuerOf, serverMetadata } from '../issuers.ts'
import { projectInPath } from '../plugins/project.ts'
import type { Api } from '../typebox.ts'

/** Below the `issuing` plugin: `request.project` is the project of the path and has an issuer of its own. */
export async function issuerRoutes(api: Api, { publicUrl }: { publicUrl: string }): Promise<void> {
  const config = { access: 'public', limit: 'read', projectOf: projectInPath } as const

  // RFC 8414 §3.1: the path of the issuer follows the well-known path, and PUBLIC_URL may have a path.
  for (const base of new Set(['', basePathOf(publicUrl)]))
    api.get(
      `/.well-known/oauth-authorization-server${base}/projects/:project_id`,
      { schema: { ...projectAuthorizationServer, hide: base !== '' }, config },
      async ({ project }, reply) => {
        cacheMetadata(reply)
        return serverMetadata(publicUrl, issuerOf(publicUrl, project))
      },
    )

  api.get(
    '/projects/:project_id/.well-known/openid-configuration',
    { schema: projectOpenidConfiguration, config },
    async ({ project }, reply) => {
      cacheMetadata(reply)
      return issuerMetadata(publicUrl, issuerOf(publicUrl, project))
    },
  )
}
