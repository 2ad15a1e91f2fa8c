// CREDEBL's names for our fields, in requests and answers. Pure.
import type { Client } from '../../../domain/projects/clients.ts'
import type { Policy } from '../../../domain/projects/policy.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { isUuid } from '../../../formats.ts'
import type { UserRow } from '../../../repositories/accounts/users.ts'
import type { SessionRow } from '../../../repositories/sessions/lists.ts'
import { secondsUntil } from '../../cookies.ts'
import { deviceOf } from '../../device.ts'
import type { IssuingProject } from '../../issuers.ts'
import type { RefreshJwts } from '../../refresh-jwts.ts'
import { RequestProblem } from '../../refusal.ts'
import type { Tokens } from '../../tokens.ts'
import { userView } from '../../views.ts'

/** The body of a success; JSON leaves out an undefined `data`. */
export const success = (message: string, data?: object, statusCode = 200) => ({ statusCode, message, data })

/** Reads an id of a path: trimmed, lower case. @throws RequestProblem with CREDEBL's sentence */
export function idOf(text: string, sentence: string): string {
  const id = text.trim().toLowerCase()
  if (!isUuid(id)) throw new RequestProblem('malformed_request', { errors: { id: [sentence] } })
  return id
}

/** Reads the names and addresses of the client in a request; an empty text counts as absent. */
export function clientOf(
  body: Partial<Record<'brandLogoUrl' | 'platformName' | 'endpoint' | 'clientAlias', string | null>>,
): Client {
  const text = (value: string | null | undefined) => value?.trim() || null
  return {
    linkBase: text(body.endpoint),
    clientAlias: text(body.clientAlias),
    platformName: text(body.platformName),
    logoUrl: text(body.brandLogoUrl),
  }
}

/** Additional claims that CREDEBL's clients read from an access token. */
const claimsOf = ({ email, emailVerifiedAt }: UserRow) => ({
  email,
  email_verified: emailVerifiedAt !== null,
})

/** Shows the tokens of a grant. */
export const tokenView = (tokens: Tokens, jwts: RefreshJwts) => (project: IssuingProject, grant: Grant) => ({
  access_token: tokens.printAccess(project, grant, claimsOf(grant.user)),
  expires_in: grant.accessSeconds,
  refresh_token: jwts.print(project.id, grant),
  refresh_expires_in: secondsUntil(grant, grant.refreshExpiresAt),
  token_type: 'Bearer',
  scope: 'email profile',
  session_state: grant.sessionId,
})

/** Shows a living session with its tokens, without a refresh token for a caller that presented none. */
export const detailsView = (
  { user, sessionId, refreshExpiresAt }: Grant,
  { access_token, refresh_token }: { readonly access_token: string; readonly refresh_token?: string },
) => ({
  id: sessionId,
  userId: user.uuid,
  sessionToken: access_token,
  ...(refresh_token === undefined ? {} : { refreshToken: refresh_token }),
  expiresAt: refreshExpiresAt.toISOString(),
  sessionType: 'user-session',
})

/** Shows a user to the platform's front end after a sign-in. There are no organisations, so there are no roles in them. */
export const profileView = (publicUrl: string) => {
  const view = userView(publicUrl)
  return (user: UserRow) => ({
    id: user.uuid,
    email: user.email,
    username: user.email,
    firstName: user.firstName,
    lastName: user.lastName,
    profileImg: view(user).avatar_url,
    publicProfile: false,
    isEmailVerified: user.emailVerifiedAt !== null,
    userOrgRoles: [],
  })
}

export const accountView = ({ uuid, email }: Pick<UserRow, 'uuid' | 'email'>) => ({ id: uuid, email })

export function sessionView(row: SessionRow, userId: string) {
  const { browser, os, kind } = deviceOf(row.userAgent)
  const client = { browser, os, deviceType: kind, rawDetail: row.userAgent, ip: row.addressPrefix }
  return {
    id: row.id,
    userId,
    expiresAt: row.expiresAt,
    createdAt: row.createdAt,
    clientInfo: JSON.stringify(client),
    sessionType: 'user-session',
  }
}

export const clientView = ({ alias, url }: Policy['clients'][number]) => ({
  clientAlias: alias,
  clientUrl: url,
})
