// The keys and metadata of the installation's issuer and of a project's, for OpenID Connect Discovery and OAuth (RFC 8414 §3.1).
import * as schemas from '../../../schemas/operations.ts'
import { basePathOf } from '../base-path.ts'
import { cacheMetadata, issuerMetadata, issuerOf, serverMetadata } from '../issuers.ts'
import { projectInPath } from '../plugins/project.ts'
import type { Tokens } from '../tokens.ts'
import type { Api } from '../typebox.ts'

/** The installation's, whose URL is PUBLIC_URL. */
export async function installationIssuerRoutes(
  api: Api,
  { tokens, publicUrl }: { readonly tokens: Tokens; readonly publicUrl: string },
): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const

  api.get('/.well-known/jwks.json', { schema: schemas.jwks, config }, async (_request, reply) => {
    cacheMetadata(reply)
    return tokens.jwks()
  })

  api.get(
    '/.well-known/openid-configuration',
    { schema: schemas.openidConfiguration, config },
    async (_request, reply) => {
      cacheMetadata(reply)
      return issuerMetadata(publicUrl, publicUrl)
    },
  )

  // RFC 8414 §3.1: the path of PUBLIC_URL follows the well-known path.
  for (const base of new Set(['', basePathOf(publicUrl)]))
    api.get(
      `/.well-known/oauth-authorization-server${base}`,
      { schema: { ...schemas.authorizationServer, hide: base !== '' }, config },
      async (_request, reply) => {
        cacheMetadata(reply)
        return serverMetadata(publicUrl, publicUrl)
      },
    )
}

/** A project's. Below the `issuing` plugin: `request.project` is the project of the path and has an issuer of its own. */
export async function projectIssuerRoutes(api: Api, { publicUrl }: { publicUrl: string }): Promise<void> {
  const config = { access: 'public', limit: 'read', projectOf: projectInPath } as const

  // RFC 8414 §3.1: the path of the issuer follows the well-known path, and PUBLIC_URL may have a path.
  for (const base of new Set(['', basePathOf(publicUrl)]))
    api.get(
      `/.well-known/oauth-authorization-server${base}/projects/:project_id`,
      { schema: { ...schemas.projectAuthorizationServer, hide: base !== '' }, config },
      async ({ project }, reply) => {
        cacheMetadata(reply)
        return serverMetadata(publicUrl, issuerOf(publicUrl, project))
      },
    )

  api.get(
    '/projects/:project_id/.well-known/openid-configuration',
    { schema: schemas.projectOpenidConfiguration, config },
    async ({ project }, reply) => {
      cacheMetadata(reply)
      return issuerMetadata(publicUrl, issuerOf(publicUrl, project))
    },
  )
}
