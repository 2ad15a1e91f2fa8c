// GET /health/live, GET /health/ready.
import { live, ready } from '../../../schemas/operations.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'

interface OperationsRoutes {
  /** Whether the database answers, is migrated, and the hash queue has room; cheap, asked at most once a second. */
  readonly isReady: () => Promise<boolean>
}

export async function operationsRoutes(api: Api, { isReady }: OperationsRoutes): Promise<void> {
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
}
