// GET /me.
import { me } from '../../../schemas/users.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { onBehalfOf } from '../plugins/authenticate.ts'
import { unchanging } from '../plugins/serialization.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'
import type { RouteParts } from './parts.ts'

export async function userRoutes(api: Api, { viewUser }: RouteParts): Promise<void> {
  /** Answers by the row of a cached user: the same row gives the same answer. */
  const answers = new WeakMap<UserRow, { user: ReturnType<UserView> }>()

  function answerFor(user: UserRow) {
    const known = answers.get(user)
    if (known) return known
    const answer = { user: viewUser(user) }
    // The session cache freezes its rows; any other row is used once.
    if (Object.isFrozen(user)) answers.set(user, unchanging(answer))
    return answer
  }

  const config = { access: 'user', key: 'me:read', limit: 'read', impersonated: true } as const
  // Not async: the route with the most requests creates no promise.
  api.get('/me', { schema: me, config }, (request, reply) => {
    reply.send(answerFor(onBehalfOf(request).actor.user))
  })
}
