// GET /me.
import { me } from '../../../schemas/users.ts'
import type { UserRow } from '../../repositories/users.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import { unchanging } from '../plugins/serialization.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'

export async function userRoutes(api: Api, { viewUser }: { viewUser: UserView }): Promise<void> {
  /** By the row of a user who is remembered: what was shown once is shown again until another row takes its place. */
  const shown = new WeakMap<UserRow, { user: ReturnType<UserView> }>()

  function show(user: UserRow) {
    const known = shown.get(user)
    if (known) return known
    const answer = { user: viewUser(user) }
    // Rows are frozen by who remembers them (domain/recall.ts); any other is used once.
    if (Object.isFrozen(user)) shown.set(user, unchanging(answer))
    return answer
  }

  const config = { access: 'user', key: 'me:read', limit: 'read' } as const
  // Answered at once: the route that is asked most waits for nobody, not even for a promise of its own.
  api.get('/me', { schema: me, config }, (request, reply) => {
    reply.send(show(onBehalfOf(request).user))
  })
}
