// GET /health/live, /health/ready, /.well-known/jwks.json.
import { jwks, live, ready } from '../../../schemas/operations.ts'
import { RequestProblem } from '../refusal.ts'
import type { Tokens } from '../tokens.ts'
import type { Api } from '../typebox.ts'

export interface OperationsRoutes {
  readonly tokens: Tokens
  /** Whether the database answers, is migrated, and the hash queue has room; cheap, asked at most once a second. */
  readonly isReady: () => Promise<boolean>
}

export async function operationsRoutes(api: Api, { tokens, isReady }: OperationsRoutes): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const

  api.get('/health/live', { schema: live, config, logLevel: 'warn' }, async () => ({ status: 'ok' }))

  api.get('/health/ready', { schema: ready, config, logLevel: 'warn' }, async () => {
    if (!(await isReady())) throw new RequestProblem('service_unavailable', { retryAfterSeconds: 1 })
    return { status: 'ok', checks: { database: 'ok', migrations: 'ok', hash_queue: 'ok' } }
  })

  api.get('/.well-known/jwks.json', { schema: jwks, config }, async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300')
    return tokens.jwks
  })
}
