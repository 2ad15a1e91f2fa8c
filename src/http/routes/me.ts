// GET /me.
import { me } from '../../../schemas/users.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { actorOf } from '../plugins/authenticate.ts'
import { unchanging } from '../plugins/serialization.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'
import type { RouteParts } from './parts.ts'

export async function meRoutes(api: Api, { viewUser }: RouteParts): Promise<void> {
  /** Answers by the row of a cached user, because the same row gives the same answer. */
  const answers = new WeakMap<UserRow, { user: ReturnType<UserView> }>()

  function answerFor(user: UserRow) {
    const known = answers.get(user)
    if (known) return known
    const answer = { user: viewUser(user) }
    // Only rows of the session cache are frozen and read again.
    if (Object.isFrozen(user)) answers.set(user, unchanging(answer))
    return answer
  }

  const config = { access: 'user', key: 'me:read', limit: 'read', impersonated: true } as const
  // Not async: the most frequent route creates no promise.
  api.get('/me', { schema: me, config }, (request, reply) => {
    reply.send(answerFor(actorOf(request).user))
  })
}
