// GET /me.
import { me } from '../../../schemas/users.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'

export async function userRoutes(api: Api, { viewUser }: { viewUser: UserView }): Promise<void> {
  api.get(
    '/me',
    { schema: me, config: { access: 'user', key: 'me:read', limit: 'read' } },
    async (request) => ({
      user: viewUser(onBehalfOf(request).user),
    }),
  )
}
