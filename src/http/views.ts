// How the canonical API shows what the domain returns.
import type { Static } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Session, SessionEntry } from '../../schemas/sessions.ts'
import type { User } from '../../schemas/users.ts'
import type { Grant } from '../domain/sessions.ts'
import type { SessionRow } from '../repositories/sessions.ts'
import type { UserRow } from '../repositories/users.ts'
import type { SessionCookies } from './cookies.ts'
import { deviceOf } from './device.ts'
import type { Tokens } from './tokens.ts'

export type Transport = 'bearer' | 'cookie'

/** Shows a user as the wire spells it. */
export type UserView = (user: UserRow) => Static<typeof User>

/** Where every avatar stands; `publicUrl` in front and the avatar's id behind. */
export const avatarsPath = '/api/auth/avatars/'

/** Builds the view of a user. `publicUrl` is where the addresses in it begin. */
export function userView(publicUrl: string): UserView {
  return (user) => ({
    id: user.id,
    uuid: user.uuid,
    email: user.email,
    display_name: user.displayName,
    email_verified_at: user.emailVerifiedAt?.toISOString() ?? null,
    metadata: user.metadata,
    first_name: user.firstName,
    last_name: user.lastName,
    role: user.role,
    provider: user.provider,
    avatar_url: user.avatarId && `${publicUrl}${avatarsPath}${user.avatarId}`,
    created_at: user.createdAt.toISOString(),
  })
}

export type SessionPrinter = (
  request: FastifyRequest,
  reply: FastifyReply,
  grant: Grant,
  transport: Transport,
) => Static<typeof Session>

/** Prints a grant: tokens in the body (bearer) or in cookies alone (cookie), and the same instants and user in both. */
export function sessionPrinter(tokens: Tokens, cookies: SessionCookies, viewUser: UserView): SessionPrinter {
  return (request, reply, grant, transport) => {
    const projectId = request.project.id
    const access = tokens.printAccess(projectId, grant)
    const refresh = tokens.printRefresh(grant)
    const instants = {
      expires_at: grant.accessExpiresAt.toISOString(),
      expires_in: Math.round((grant.accessExpiresAt.getTime() - grant.issuedAt.getTime()) / 1000),
      refresh_token_expires_at: grant.refreshExpiresAt.toISOString(),
      user: viewUser(grant.user),
    }
    if (transport === 'cookie') {
      cookies.set(reply, projectId, grant, { access, refresh })
      return instants
    }
    return { access_token: access, token_type: 'Bearer', refresh_token: refresh, ...instants }
  }
}

/** A session as its owner sees it. */
export function sessionView(row: SessionRow, currentId: string): Static<typeof SessionEntry> {
  return {
    id: row.id,
    current: row.id === currentId,
    created_at: row.createdAt.toISOString(),
    last_seen_at: row.lastSeenAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    device: deviceOf(row.userAgent),
    address_prefix: row.addressPrefix,
  }
}
