// How the canonical API shows what the domain returns.
import type { Static } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccountExport, Activity } from '../../schemas/account.ts'
import type { ApiKey } from '../../schemas/api-keys.ts'
import type { Identity } from '../../schemas/identities.ts'
import type { Session, SessionEntry } from '../../schemas/sessions.ts'
import type { User } from '../../schemas/users.ts'
import type { AccountExport as Held } from '../domain/account.ts'
import { scopesOf } from '../domain/api-keys.ts'
import { toDataUri } from '../domain/avatars.ts'
import type { Grant } from '../domain/grants.ts'
import type { ApiKeyRow } from '../repositories/api-keys.ts'
import type { AuditRow } from '../repositories/audit.ts'
import type { IdentityRow } from '../repositories/identities.ts'
import type { SessionRow } from '../repositories/session-lists.ts'
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
    const { project } = request
    const access = tokens.printAccess(project, grant)
    const refresh = tokens.printRefresh(grant)
    const instants = {
      expires_at: grant.accessExpiresAt.toISOString(),
      expires_in: Math.round((grant.accessExpiresAt.getTime() - grant.issuedAt.getTime()) / 1000),
      refresh_token_expires_at: grant.refreshExpiresAt.toISOString(),
      user: viewUser(grant.user),
    }
    if (transport === 'cookie') {
      cookies.set(reply, project.id, grant, { access, refresh })
      return instants
    }
    return { access_token: access, token_type: 'Bearer', refresh_token: refresh, ...instants }
  }
}

/** A session as its owner sees it; `currentId` is the one in which they ask, if they ask in one. */
export function sessionView(row: SessionRow, currentId: string | null): Static<typeof SessionEntry> {
  return {
    id: row.id,
    current: row.id === currentId,
    created_at: row.createdAt,
    last_seen_at: row.lastSeenAt,
    expires_at: row.expiresAt,
    device: deviceOf(row.userAgent),
    address_prefix: row.addressPrefix,
  }
}

const instant = (at: Date | null) => at?.toISOString() ?? null

/** A key as its owner sees it. */
export function apiKeyView(row: ApiKeyRow): Static<typeof ApiKey> {
  return {
    id: row.id,
    name: row.name,
    key_prefix: row.keyPrefix,
    scopes: scopesOf(row),
    expires_at: instant(row.expiresAt),
    last_used_at: instant(row.lastUsedAt),
    revoked_at: instant(row.revokedAt),
    created_at: row.createdAt.toISOString(),
  }
}

/** An identity as its owner sees it. */
export function identityView(row: IdentityRow): Static<typeof Identity> {
  return {
    id: row.id,
    provider: row.provider,
    email: row.email,
    created_at: row.createdAt.toISOString(),
    last_used_at: instant(row.lastUsedAt),
  }
}

type StoredEvent = Omit<AuditRow, 'projectId' | 'userId'>

const eventView = (row: StoredEvent) => ({
  id: row.id,
  event: row.event,
  outcome: row.outcome,
  session_id: row.sessionId,
  api_key_id: row.apiKeyId,
  team_id: row.teamId,
  address_prefix: row.addressPrefix,
})

/** What happened to an account, as its owner sees it. */
export function activityView(row: StoredEvent): Static<typeof Activity> {
  return {
    ...eventView(row),
    device: deviceOf(row.userAgent),
    created_at: row.createdAt.toISOString(),
  }
}

/** Everything we hold of a user, in the spelling of the wire. */
export function exportView(held: Held, viewUser: UserView): Static<typeof AccountExport> {
  const { user, avatar } = held
  return {
    exported_at: held.exportedAt.toISOString(),
    user: viewUser(user),
    account: {
      locale: user.locale,
      has_password: held.hasPassword,
      disabled_at: instant(user.disabledAt),
      deletion_due_at: instant(user.deletionDueAt),
      updated_at: user.updatedAt.toISOString(),
    },
    avatar: avatar && {
      media_type: avatar.mediaType,
      data_uri: toDataUri(avatar),
      created_at: avatar.createdAt.toISOString(),
    },
    sessions: held.sessions.map((row) => ({
      id: row.id,
      created_at: row.createdAt.toISOString(),
      last_seen_at: row.lastSeenAt.toISOString(),
      expires_at: row.expiresAt.toISOString(),
      revoked_at: instant(row.revokedAt),
      revoked_reason: row.revokedReason,
      user_agent: row.userAgent,
      address_prefix: row.addressPrefix,
    })),
    api_keys: held.apiKeys.map(apiKeyView),
    verification_tokens: held.tokens.map((row) => ({
      purpose: row.purpose,
      created_at: row.createdAt.toISOString(),
      expires_at: row.expiresAt.toISOString(),
      used_at: instant(row.usedAt),
      superseded_at: instant(row.supersededAt),
    })),
    identities: held.identities.map((row) => ({
      ...identityView(row),
      issuer: row.issuer,
      subject: row.subject,
    })),
    known_addresses: {
      count: held.knownAddresses.length,
      last_used_at: held.knownAddresses.map((row) => row.lastAt.toISOString()),
    },
    mails: held.mails.map((row) => ({
      kind: row.kind,
      created_at: row.createdAt.toISOString(),
      sent_at: instant(row.sentAt),
      dead_at: instant(row.deadAt),
    })),
    teams: held.teams.map((row) => ({
      id: row.id,
      name: row.name,
      role: row.role,
      joined_at: row.joinedAt.toISOString(),
    })),
    team_invitations: held.teamInvitations.map((row) => ({
      team_id: row.teamId,
      direction: row.isSent ? ('sent' as const) : ('received' as const),
      email: row.email,
      role: row.role,
      created_at: row.createdAt.toISOString(),
      expires_at: row.expiresAt.toISOString(),
    })),
    activity: held.events.map((row) => ({
      ...eventView(row),
      user_agent: row.userAgent,
      created_at: row.createdAt.toISOString(),
    })),
  }
}
