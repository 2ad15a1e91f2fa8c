// GET and POST /api-keys, POST /api-keys/{id}/revoke.
import { createApiKey, listApiKeys, revokeApiKey } from '../../../schemas/api-keys.ts'
import type { ApiKeys } from '../../domain/api-keys.ts'
import { AuthError } from '../../domain/errors.ts'
import { isUuid } from '../../domain/uuid.ts'
import { callerOf } from '../caller.ts'
import { signedIn } from '../plugins/authenticate.ts'
import type { Api } from '../typebox.ts'
import { apiKeyView } from '../views.ts'

/** An instant that passed validation: not a leap second, which JavaScript does not know, and of a year that all can write. */
function instantOf(text: string | null | undefined): Date | null {
  if (text === null || text === undefined) return null
  const at = new Date(text)
  const year = at.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) throw new AuthError('expiry_not_ahead')
  return at
}

export async function apiKeyRoutes(api: Api, { apiKeys }: { apiKeys: ApiKeys }): Promise<void> {
  api.get(
    '/api-keys',
    { schema: listApiKeys, config: { access: 'user', limit: 'read' } },
    async (request) => {
      const keys = await apiKeys.list(request.project, signedIn(request))
      return { data: keys.map(apiKeyView) }
    },
  )

  api.post(
    '/api-keys',
    { schema: createApiKey, config: { access: 'user', limit: 'credential', idempotent: true } },
    async (request, reply) => {
      const { expires_at, ...wish } = request.body
      const asked = { ...wish, expiresAt: instantOf(expires_at) }
      const { key, plain } = await apiKeys.create(
        request.project,
        signedIn(request),
        asked,
        callerOf(request),
      )
      return reply.code(201).send({ ...apiKeyView(key), plain_text_key: plain })
    },
  )

  api.post(
    '/api-keys/:id/revoke',
    { schema: revokeApiKey, config: { access: 'user', limit: 'read' } },
    async (request) => {
      const { id } = request.params
      if (!isUuid(id)) throw new AuthError('api_key_unknown')
      await apiKeys.revoke(request.project, signedIn(request), id, callerOf(request))
      return { message: 'API key revoked.' }
    },
  )
}
