// GET /identities, POST /identities/{provider}, DELETE /identities/{id}, POST /set-password.
import { linkIdentity, listIdentities, setPassword, unlinkIdentity } from '../../../schemas/identities.ts'
import { AuthError } from '../../domain/errors.ts'
import type { FirstPassword } from '../../domain/first-password.ts'
import type { Identities } from '../../domain/identities.ts'
import { isUuid } from '../../domain/uuid.ts'
import { callerOf } from '../caller.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { proofOfProvider } from '../proof.ts'
import type { Api } from '../typebox.ts'
import { identityView } from '../views.ts'

export interface IdentityRoutes {
  readonly identities: Identities
  readonly firstPassword: FirstPassword
}

export async function identityRoutes(api: Api, { identities, firstPassword }: IdentityRoutes): Promise<void> {
  api.get(
    '/identities',
    { schema: listIdentities, config: { access: 'user', limit: 'read' } },
    async (request) => {
      const rows = await identities.list(request.project, signedIn(request))
      return { data: rows.map(identityView) }
    },
  )

  api.post(
    '/identities/:provider',
    { schema: linkIdentity, config: { access: 'user', limit: 'credential' } },
    async (request) => {
      const { current_password: currentPassword, ...tokens } = request.body
      const { provider } = request.params
      const proof = { provider, currentPassword, ...proofOfProvider(tokens) }
      return identityView(await identities.link(request.project, signedIn(request), callerOf(request), proof))
    },
  )

  api.delete(
    '/identities/:id',
    { schema: unlinkIdentity, config: { access: 'user', limit: 'read' } },
    async (request, reply) => {
      const { id } = request.params
      if (!isUuid(id)) throw new AuthError('identity_unknown')
      await identities.unlink(request.project, signedIn(request), id.toLowerCase(), callerOf(request))
      return reply.code(204).send()
    },
  )

  api.post(
    '/set-password',
    { schema: setPassword, config: { access: 'user', limit: 'credential' } },
    async (request) => {
      const { new_password } = request.body
      await firstPassword.set(request.project, signedIn(request), callerOf(request), new_password)
      return { message: 'Password set.' }
    },
  )
}
