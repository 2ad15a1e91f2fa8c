// Routes: GET /health/live, /health/ready, and the key set and metadata of the installation below /.well-known.
import { authorizationServer, jwks, live, openidConfiguration, ready } from '../../../schemas/operations.ts'
import { basePathOf } from '../base-path.ts'
import { cacheMetadata, issuerMetadata, serverMetadata } from '../issuers.ts'
import { RequestProblem } from '../refusal.ts'
import type { Tokens } from '../tokens.ts'
import type { Api } from '../typebox.ts'

interface OperationsRoutes {
  readonly tokens: Tokens
  /** The issuer of the installation. */
  readonly publicUrl: string
  /** Whether the database answers, is migrated, and the hash queue has room; cheap, asked at most once a second. */
  readonly isReady: () => Promise<boolean>
}

export async function operationsRoutes(
  api: Api,
  { tokens, publicUrl, isReady }: OperationsRoutes,
): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const

  api.get(
    '/health/live',
    { schema: live, config: { ...config, shed: false }, logLevel: 'warn' },
    async () => ({ status: 'ok' }),
  )

  api.get('/health/ready', { schema: ready, config, logLevel: 'warn' }, async () => {
    if (!(await isReady())) throw new RequestProblem('service_unavailable', { retryAfterSeconds: 1 })
    return { status: 'ok', checks: { database: 'ok', migrations: 'ok', hash_queue: 'ok' } }
  })

  api.get('/.well-known/jwks.json', { schema: jwks, config }, async (_request, reply) => {
    cacheMetadata(reply)
    return tokens.jwks()
  })

  api.get(
    '/.well-known/openid-configuration',
    { schema: openidConfiguration, config },
    async (_request, reply) => {
      cacheMetadata(reply)
      return issuerMetadata(publicUrl, publicUrl)
    },
  )

  // RFC 8414 §3.1: the path of PUBLIC_URL follows the well-known path.
  for (const base of new Set(['', basePathOf(publicUrl)]))
    api.get(
      `/.well-known/oauth-authorization-server${base}`,
      { schema: { ...authorizationServer, hide: base !== '' }, config },
      async (_request, reply) => {
        cacheMetadata(reply)
        return serverMetadata(publicUrl, publicUrl)
      },
    )
}
