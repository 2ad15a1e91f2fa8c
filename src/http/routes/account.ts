// DELETE /me, GET /me/export, GET /me/activity.
import { exportAccount, leave, listActivity } from '../../../schemas/account.ts'
import type { Account } from '../../domain/account.ts'
import { callerOf } from '../caller.ts'
import type { SessionCookies } from '../cookies.ts'
import { printCursor, readCursor } from '../cursor.ts'
import { onBehalfOf, signedIn } from '../plugins/authenticate.ts'
import type { Api } from '../typebox.ts'
import { activityView, exportView, type UserView } from '../views.ts'

export interface AccountRoutes {
  readonly account: Account
  readonly cookies: SessionCookies
  readonly viewUser: UserView
}

/** Events on a page that says nothing of its length. */
const pageLength = 50

export async function accountRoutes(api: Api, { account, cookies, viewUser }: AccountRoutes): Promise<void> {
  api.delete(
    '/me',
    { schema: leave, config: { access: 'user', limit: 'credential' } },
    async (request, reply) => {
      const { current_password: currentPassword } = request.body
      await account.leave(request.project, signedIn(request), callerOf(request), currentPassword)
      cookies.clear(reply, request.project.id)
      return reply.code(204).send()
    },
  )

  api.get(
    '/me/export',
    { schema: exportAccount, config: { access: 'user', limit: 'credential' } },
    async (request, reply) => {
      const held = await account.export(request.project, signedIn(request), callerOf(request))
      reply.header('content-disposition', `attachment; filename="account-${held.user.uuid}.json"`)
      return exportView(held, viewUser)
    },
  )

  api.get(
    '/me/activity',
    { schema: listActivity, config: { access: 'user', key: 'activity:read', limit: 'read' } },
    async (request) => {
      const { cursor, limit = pageLength } = request.query
      const page = { before: readCursor(cursor), limit }
      const { events, before } = await account.activity(request.project, onBehalfOf(request), page)
      return { data: events.map(activityView), next_cursor: printCursor(before) }
    },
  )
}
