// GET /identities, POST and DELETE /identities/{identity}, POST /set-password.
//
// For OpenAPI two paths that differ only in the name of a parameter are the same, so provider and id share one name.
import * as schemas from '../../../schemas/identities.ts'
import { setPassword } from '../../domain/accounts/password-change.ts'
import { linkIdentity, listIdentities, unlinkIdentity } from '../../domain/social/identities.ts'
import { uuidOf } from '../path-ids.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { proofOfProvider } from '../proof.ts'
import { presentedTransport } from '../strategies/cookie.ts'
import type { Api } from '../typebox.ts'
import { identityView } from '../views.ts'
import type { RouteParts } from './parts.ts'

export async function identityRoutes(api: Api, { printSession }: RouteParts): Promise<void> {
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

  api.post('/set-password', { schema: schemas.setPassword, config: proving }, async (request, reply) => {
    const { new_password } = request.body
    const grant = await setPassword(signedIn(request), new_password, { renewsSession: true })
    const message = 'Password set.'
    if (!grant) return { message }
    return { message, ...printSession(request, reply, grant, presentedTransport(request)) }
  })
}
