// POST /passkeys/registration-options, GET and POST /passkeys, PATCH and DELETE /passkeys/{id}, POST /passkeys/sign-in-options,
// POST /login/passkey.
import * as schemas from '../../../schemas/passkeys.ts'
import { signInWithPasskey } from '../../domain/credentials/passkey-sign-in.ts'
import { passkeySignInOptions } from '../../domain/credentials/passkey-use.ts'
import {
  addPasskey,
  listPasskeys,
  passkeyRegistrationOptions,
  removePasskey,
  renamePasskey,
} from '../../domain/credentials/passkeys.ts'
import { transportOf } from '../caller.ts'
import { passkeyListView, passkeyView } from '../passkey-views.ts'
import { uuidOf } from '../path-ids.ts'
import { signedIn } from '../plugins/authenticate.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

const passkeyId = ({ id }: { readonly id: string }) => uuidOf(id, 'passkey_missing')

export async function passkeyRoutes(api: Api, { printOpened }: RouteParts): Promise<void> {
  const managing = { access: 'user', limit: 'read' } as const
  const adding = { access: 'user', limit: 'credential' } as const
  const asking = { access: 'public', limit: 'read' } as const
  const proving = { access: 'public', limit: 'credential' } as const

  api.post(
    '/passkeys/registration-options',
    { schema: schemas.registrationOptions, config: managing },
    async (request) => passkeyRegistrationOptions(signedIn(request), request.body.conditional ?? false),
  )

  api.post('/passkeys', { schema: schemas.addPasskey, config: adding }, async (request, reply) => {
    const { name, ...answer } = request.body
    const added = await addPasskey(signedIn(request), { ...answer, name: name?.trim() ?? null })
    return reply.code(201).send(passkeyView(added))
  })

  api.get('/passkeys', { schema: schemas.listPasskeys, config: managing }, async (request) =>
    passkeyListView(await listPasskeys(signedIn(request))),
  )

  api.patch('/passkeys/:id', { schema: schemas.renamePasskey, config: managing }, async (request) => {
    const { params, body } = request
    return passkeyView(await renamePasskey(signedIn(request), passkeyId(params), body.name.trim()))
  })

  api.delete('/passkeys/:id', { schema: schemas.removePasskey, config: managing }, async (request, reply) => {
    await removePasskey(signedIn(request), passkeyId(request.params))
    return reply.code(204).send()
  })

  api.post('/passkeys/sign-in-options', { schema: schemas.signInOptions, config: asking }, async (request) =>
    passkeySignInOptions(request.context),
  )

  api.post(
    '/login/passkey',
    { schema: schemas.signInWithPasskey, config: proving },
    async (request, reply) => {
      const grant = await signInWithPasskey(request.context, request.body)
      return printOpened(request, reply, grant, transportOf(request))
    },
  )
}
