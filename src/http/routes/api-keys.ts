// GET and POST /api-keys, POST /api-keys/{id}/revoke.
import * as schemas from '../../../schemas/api-keys.ts'
import { createApiKey, listApiKeys, revokeApiKey } from '../../domain/api-keys/api-keys.ts'
import { AuthError } from '../../domain/errors.ts'
import { readInstant } from '../instants.ts'
import { uuidOf } from '../path-ids.ts'
import { signedIn } from '../plugins/authenticate.ts'
import type { Api } from '../typebox.ts'
import { apiKeyView } from '../views.ts'

/** @throws AuthError expiry_not_ahead */
function readExpiry(text: string | null | undefined): Date | null {
  if (text === null || text === undefined) return null
  const at = readInstant(text)
  if (!at) throw new AuthError('expiry_not_ahead')
  return at
}

export async function apiKeyRoutes(api: Api): Promise<void> {
  const config = { access: 'user', limit: 'read' } as const

  api.get('/api-keys', { schema: schemas.listApiKeys, config }, async (request) => {
    const keys = await listApiKeys(signedIn(request))
    return { data: keys.map(apiKeyView) }
  })

  api.post(
    '/api-keys',
    { schema: schemas.createApiKey, config: { ...config, limit: 'credential', idempotent: true } },
    async (request, reply) => {
      const { expires_at, ...wish } = request.body
      const expiresAt = readExpiry(expires_at)
      const { key, plain } = await createApiKey(signedIn(request), { ...wish, expiresAt })
      return reply.code(201).send({ ...apiKeyView(key), plain_text_key: plain })
    },
  )

  api.post('/api-keys/:id/revoke', { schema: schemas.revokeApiKey, config }, async (request) => {
    await revokeApiKey(signedIn(request), uuidOf(request.params.id, 'api_key_unknown'))
    return { message: 'API key revoked.' }
  })
}
