// The operator of the request; operators with their roles, operator keys, and set-up links.
import type { FastifyRequest } from 'fastify'
import * as keySchemas from '../../../../schemas/admin/operator-keys.ts'
import * as schemas from '../../../../schemas/admin/operators.ts'
import { type OperatorContext, operatorContext } from '../../../domain/context.ts'
import * as keys from '../../../domain/operators/keys.ts'
import { actOf } from '../../../domain/operators/operator.ts'
import * as operators from '../../../domain/operators/operators.ts'
import { permissionsOf } from '../../../domain/operators/roles.ts'
import { completeSetup } from '../../../domain/operators/setup.ts'
import { operatorsProjectId } from '../../../domain/projects/operators-project.ts'
import { callerOf, transportOf } from '../../caller.ts'
import { instantOf } from '../../instants.ts'
import type { Api } from '../../typebox.ts'
import { may, mayOnce, operatorOf } from '../authorize.ts'
import type { AdminParts } from '../parts.ts'
import { operatorKeyView, operatorView } from '../views.ts'

export async function meRoutes(api: Api, { services, printSession }: AdminParts): Promise<void> {
  api.get('/me', { schema: schemas.me, config: may('me.read') }, async (request) => {
    const { kind, id, name, held } = operatorOf(request)
    return {
      kind,
      id,
      name,
      roles: held.map(({ role, scope }) => ({ role, scope })),
      permissions: permissionsOf(held),
      operators_project_id: operatorsProjectId,
      server_time: new Date().toISOString(),
    }
  })

  const proving = { access: 'public', limit: 'credential' } as const
  api.post('/setup', { schema: keySchemas.completeSetup, config: proving }, async (request, reply) => {
    const { token, email = null, password } = request.body
    const ctx = operatorContext(services, request.project, undefined, callerOf(request, 'canonical'))
    const grant = await completeSetup({ ...ctx, operator: null }, { token, email, password })
    return printSession(request, reply, grant, transportOf(request))
  })
}

/** The context of the operators' project, in which operators manage each other. */
function amongOperators(request: FastifyRequest, { services }: AdminParts): OperatorContext {
  const caller = callerOf(request, 'canonical', { provesProject: () => false })
  return operatorContext(services, request.project, actOf(operatorOf(request)), caller)
}

export async function operatorRoutes(api: Api, parts: AdminParts): Promise<void> {
  const reading = may('operators.read')
  const writing = may('operators.write')

  api.get('/operators', { schema: schemas.listOperators, config: reading }, async (request) => {
    return { data: (await operators.listOperators(amongOperators(request, parts))).map(operatorView) }
  })

  const creating = { schema: schemas.createOperator, config: mayOnce('operators.write') }
  api.post('/operators', creating, async (request, reply) => {
    const { email, role, scope = null } = request.body
    const made = await operators.createOperator(amongOperators(request, parts), { email, role, scope })
    return reply.code(201).send({ operator: operatorView(made), setup_url: made.setup?.url ?? null })
  })

  api.get('/operators/:user', { schema: schemas.getOperatorEntry, config: reading }, async (request) =>
    operatorView(await operators.findOperator(amongOperators(request, parts), request.params.user)),
  )

  api.put('/operators/:user/roles', { schema: schemas.putOperatorRole, config: writing }, async (request) => {
    const { role, scope = null } = request.body
    const ctx = amongOperators(request, parts)
    return operatorView(await operators.setOperatorRole(ctx, request.params.user, { role, scope }))
  })

  const taking = { schema: schemas.deleteOperatorRole, config: writing }
  api.delete('/operators/:user/roles', taking, async (request) => {
    const scope = request.query.scope?.toLowerCase() ?? null
    const ctx = amongOperators(request, parts)
    return operatorView(await operators.removeOperatorRole(ctx, request.params.user, scope))
  })

  api.delete('/operators/:user', { schema: schemas.removeOperator, config: writing }, async (request) =>
    operatorView(await operators.removeOperatorRole(amongOperators(request, parts), request.params.user)),
  )

  const linking = { schema: schemas.renewSetupLink, config: writing }
  api.post('/operators/:user/setup-link', linking, async (request) => {
    const { url } = await operators.renewSetupLink(amongOperators(request, parts), request.params.user)
    return { setup_url: url }
  })
}

export async function operatorKeyRoutes(api: Api, parts: AdminParts): Promise<void> {
  const listing = { schema: keySchemas.listOperatorKeys, config: may('operators.read') }
  api.get('/operator-keys', listing, async (request) => {
    return { data: (await keys.listOperatorKeys(amongOperators(request, parts))).map(operatorKeyView) }
  })

  const creating = { schema: keySchemas.createOperatorKey, config: mayOnce('operators.write') }
  api.post('/operator-keys', creating, async (request, reply) => {
    const { name, role, scope = null, expires_at } = request.body
    const wish = { name: name.trim(), role, scope, expiresAt: instantOf(expires_at, 'expires_at') }
    const { key, plain } = await keys.createOperatorKey(amongOperators(request, parts), wish)
    return reply.code(201).send({ key: operatorKeyView(key), plain_text_key: plain })
  })

  const revoking = { schema: keySchemas.revokeOperatorKey, config: may('operators.write') }
  api.post('/operator-keys/:key/revoke', revoking, async (request) =>
    operatorKeyView(await keys.revokeOperatorKey(amongOperators(request, parts), request.params.key)),
  )
}
