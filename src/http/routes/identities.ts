// GET /identities, POST and DELETE /identities/{identity}.
//
// For OpenAPI two paths that differ only in the name of a parameter are the same, so provider and id share one name.
import * as schemas from '../../../schemas/identities.ts'
import { linkIdentity, listIdentities, unlinkIdentity } from '../../domain/social/identities.ts'
import { uuidOf } from '../path-ids.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { proofOfProvider } from '../proof.ts'
import type { Api } from '../typebox.ts'
import { identityView } from '../views.ts'

export async function identityRoutes(api: Api): Promise<void> {
  const reading = { access: 'user', limit: 'read' } as const
  const proving = { access: 'user', limit: 'credential' } as const

  api.get('/identities', { schema: schemas.listIdentities, config: reading }, async (request) => {
    const rows = await listIdentities(signedIn(request))
    return { data: rows.map(identityView) }
  })

  api.post('/identities/:identity', { schema: schemas.linkIdentity, config: proving }, async (request) => {
    const { current_password: currentPassword, ...tokens } = request.body
    const { identity: provider } = request.params
    const proof = { provider, currentPassword, ...proofOfProvider(tokens) }
    return identityView(await linkIdentity(signedIn(request), proof))
  })

  api.delete(
    '/identities/:identity',
    { schema: schemas.unlinkIdentity, config: reading },
    async (request, reply) => {
      const id = uuidOf(request.params.identity, 'identity_unknown')
      await unlinkIdentity(signedIn(request), id)
      return reply.code(204).send()
    },
  )
}
