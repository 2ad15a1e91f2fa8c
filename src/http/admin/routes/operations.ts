// /projects/{id}/mails and /projects/{id}/keys.
import * as schemas from '../../../../schemas/admin/operations.ts'
import { listMailsOf, retryMailOf } from '../../../domain/operators/mails.ts'
import { revokeKey, rotateKeys } from '../../../domain/operators/signing-keys.ts'
import { listSigningKeys } from '../../../domain/signing-keys/signing-keys.ts'
import type { Api } from '../../typebox.ts'
import { actingOf, may, onProject } from '../authorize.ts'
import type { AdminParts } from '../parts.ts'
import { mailView, signingKeyView } from '../views.ts'

const pageLength = 50

export async function mailRoutes(api: Api, { services }: AdminParts): Promise<void> {
  api.get(
    '/projects/:id/mails',
    { schema: schemas.listMails, config: may('mails.read') },
    async (request) => {
      const { state = 'owed', limit = pageLength } = request.query
      const { mails, total } = await listMailsOf(onProject(request, services), state, limit)
      return { data: mails.map(mailView), total }
    },
  )

  const retrying = { schema: schemas.retryMail, config: may('mails.retry') }
  api.post('/projects/:id/mails/:mail/retry', retrying, async (request, reply) => {
    await retryMailOf(onProject(request, services), request.params.mail)
    return reply.code(204).send()
  })
}

export async function signingKeyRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const all = async () => ({ data: (await listSigningKeys(services)).map(signingKeyView) })
  const writing = may('keys.write')

  api.get('/projects/:id/keys', { schema: schemas.listKeys, config: may('keys.read') }, all)

  api.post('/projects/:id/keys/rotate', { schema: schemas.rotateKeys, config: writing }, async (request) => {
    await rotateKeys(services, request.body.force ?? false, actingOf(request))
    return all()
  })

  const revoking = { schema: schemas.revokeKey, config: writing }
  api.post('/projects/:id/keys/:kid/revoke', revoking, async (request) => {
    await revokeKey(services, request.params.kid, actingOf(request))
    return all()
  })
}
