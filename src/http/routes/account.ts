// DELETE /me, GET /me/export, GET /me/activity.
import * as schemas from '../../../schemas/account.ts'
import { listActivity } from '../../domain/accounts/activity.ts'
import { deleteAccount } from '../../domain/accounts/deletion.ts'
import { exportAccount } from '../../domain/accounts/export.ts'
import { clearSiteData } from '../cookies.ts'
import { printCursor, readCursor } from '../cursor.ts'
import { activityView, exportView } from '../export-view.ts'
import { onBehalfOf, signedIn } from '../plugins/authenticate.ts'
import { presentedTransport } from '../strategies/cookie.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

/** The default number of events in a page. */
const pageLength = 50

export async function accountRoutes(api: Api, { cookies, viewUser }: RouteParts): Promise<void> {
  const listing = { access: 'user', key: 'activity:read', limit: 'read', impersonated: true } as const
  const config = { access: 'user', limit: 'credential' } as const

  api.delete('/me', { schema: schemas.leave, config }, async (request, reply) => {
    await deleteAccount(signedIn(request), request.body.current_password)
    cookies.clear(reply, request.project)
    if (presentedTransport(request) === 'cookie') clearSiteData(reply)
    return reply.code(204).send()
  })

  api.get('/me/export', { schema: schemas.exportAccount, config }, async (request, reply) => {
    const exported = await exportAccount(signedIn(request))
    reply.header('content-disposition', `attachment; filename="account-${exported.user.uuid}.json"`)
    return exportView(exported, viewUser)
  })

  api.get('/me/activity', { schema: schemas.listActivity, config: listing }, async (request) => {
    const { cursor, limit = pageLength } = request.query
    const { events, before } = await listActivity(onBehalfOf(request), {
      before: readCursor(cursor),
      limit,
    })
    return { data: events.map(activityView), next_cursor: printCursor(before) }
  })
}
