// /projects/{id}/users: search, create, read, change and delete users, and the actions on one user.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as factorSchemas from '../../../../schemas/admin/user-factors.ts'
import * as schemas from '../../../../schemas/admin/users.ts'
import { cancelFactorsReset, resetFactors } from '../../../domain/operators/factors.ts'
import {
  changeUser,
  deleteUserOf,
  restoreUserOf,
  sendReset,
  type UserChange,
  verifyUser,
} from '../../../domain/operators/user-changes.ts'
import { findUserForOperator, searchUsers } from '../../../domain/operators/user-search.ts'
import { createUser, setUserDisabled } from '../../../domain/operators/users.ts'
import type { AdminUserRow } from '../../../repositories/operators/user-search.ts'
import { instantOf } from '../../instants.ts'
import type { Api } from '../../typebox.ts'
import { readProfile } from '../../views.ts'
import { may, mayOnce, onProject } from '../authorize.ts'
import { printPosition, readPosition } from '../cursors.ts'
import { etagOf, ifMatch } from '../etag.ts'
import type { AdminParts } from '../parts.ts'
import type { AdminUserView } from '../views.ts'

/** The default number of users in a page. */
const pageLength = 50

/** The part of a user that the ETag covers: what operators change, without what the user's own actions change. */
const stateOf = ({ last_sign_in_at, passkeys, providers, ...state }: ReturnType<AdminUserView>) => state

/** Builds the answer with a user and the ETag of the user's state. */
const shower =
  ({ viewAdminUser }: AdminParts) =>
  (reply: FastifyReply, user: AdminUserRow) => {
    const shown = viewAdminUser(user)
    reply.header('etag', etagOf(stateOf(shown)))
    return shown
  }

export async function userRoutes(api: Api, parts: AdminParts): Promise<void> {
  const { services, viewAdminUser } = parts
  const show = shower(parts)
  const searching = { schema: schemas.searchUsers, config: may('users.read') }

  api.get('/projects/:id/users', searching, async (request) => {
    const ctx = onProject(request, services)
    const { cursor, limit = pageLength, created_since: since, ...query } = request.query
    const asked = ['users', ctx.project.id, query, since]
    const after = readPosition(services.keys.lookup, asked, cursor)
    const createdSince = instantOf(since, 'created_since')
    const { users, next } = await searchUsers(ctx, { ...query, createdSince, after, limit })
    const next_cursor = printPosition(services.keys.lookup, asked, next)
    return { data: users.map(viewAdminUser), next_cursor }
  })

  const creating = { schema: schemas.createUser, config: mayOnce('users.write') }
  api.post('/projects/:id/users', creating, async (request, reply) => {
    const ctx = onProject(request, services)
    const { email, password = null, role = 'user', verified = false, ...names } = request.body
    const { uuid } = await createUser(ctx, { ...readProfile(names), email, password, role, verified })
    return reply.code(201).send(viewAdminUser(await findUserForOperator(ctx, uuid)))
  })

  const reading = { schema: schemas.getUser, config: may('users.read') }
  api.get('/projects/:id/users/:user', reading, async (request, reply) =>
    show(reply, await findUserForOperator(onProject(request, services), request.params.user)),
  )

  const changing = { schema: schemas.updateUser, config: may('users.write') }
  api.patch('/projects/:id/users/:user', changing, async (request, reply) => {
    const { role, metadata, ...profile } = request.body
    const isRead = ifMatch(request)
    const change = {
      ...readProfile(profile),
      ...(metadata && { metadata }),
      ...(role && { role }),
    } as UserChange
    const matches = (user: AdminUserRow) => isRead(stateOf(viewAdminUser(user)))
    return show(reply, await changeUser(onProject(request, services), request.params.user, change, matches))
  })

  const deleting = { schema: schemas.deleteUser, config: may('users.delete') }
  api.delete('/projects/:id/users/:user', deleting, async (request, reply) => {
    const ctx = onProject(request, services)
    const left = await deleteUserOf(ctx, request.params.user, { now: request.query.now ?? false })
    return left ? viewAdminUser(left) : reply.code(204).send()
  })
}

interface OneUser {
  readonly Params: { id: string; user: string }
}

/** The actions on one user: disable, enable, restore, verify, send a reset, reset the factors. */
export async function userActRoutes(api: Api, parts: AdminParts): Promise<void> {
  const { services } = parts
  const show = shower(parts)
  const path = '/projects/:id/users/:user'

  const disable = (disabled: boolean) => async (request: FastifyRequest<OneUser>, reply: FastifyReply) => {
    const ctx = onProject(request, services)
    const { uuid } = await findUserForOperator(ctx, request.params.user)
    await setUserDisabled(ctx, uuid, disabled)
    return show(reply, await findUserForOperator(ctx, uuid))
  }
  const disabling = may('users.disable')
  api.post(`${path}/disable`, { schema: schemas.disableUser, config: disabling }, disable(true) as never)
  api.post(`${path}/enable`, { schema: schemas.enableUser, config: disabling }, disable(false) as never)

  const restoring = { schema: schemas.restoreUser, config: may('users.delete') }
  api.post(`${path}/restore`, restoring, async (request, reply) =>
    show(reply, await restoreUserOf(onProject(request, services), request.params.user)),
  )

  const verifying = { schema: schemas.verifyUser, config: may('users.verify') }
  api.post(`${path}/verify`, verifying, async (request, reply) =>
    show(reply, await verifyUser(onProject(request, services), request.params.user)),
  )

  const sending = { schema: schemas.sendReset, config: may('users.send-reset') }
  api.post(`${path}/send-reset`, sending, async (request, reply) => {
    const ctx = onProject(request, services)
    const token = await sendReset(ctx, request.params.user, request.body.redirect_to ?? null)
    return reply.code(202).send({ message: 'The mail is on its way.', ...(token && { token }) })
  })

  const resetting = may('users.reset-factors')
  api.post(
    `${path}/reset-factors`,
    { schema: factorSchemas.resetFactors, config: resetting },
    async (request, reply) => {
      const ctx = onProject(request, services)
      const { uuid } = await findUserForOperator(ctx, request.params.user)
      return reply.code(202).send({ reset_due_at: (await resetFactors(ctx, uuid)).toISOString() })
    },
  )

  const cancelling = { schema: factorSchemas.cancelFactorsReset, config: resetting }
  api.delete(`${path}/reset-factors`, cancelling, async (request, reply) => {
    const ctx = onProject(request, services)
    const { uuid } = await findUserForOperator(ctx, request.params.user)
    await cancelFactorsReset(ctx, uuid)
    return reply.code(204).send()
  })
}
