// CREDEBL's words for ours, both ways. Pure.
import type { FrontEnd } from '../../../domain/front-ends.ts'
import type { Grant } from '../../../domain/grants.ts'
import type { Policy } from '../../../domain/policy.ts'
import { isUuid } from '../../../domain/uuid.ts'
import type { SessionRow } from '../../../repositories/session-lists.ts'
import type { UserRow } from '../../../repositories/users.ts'
import { deviceOf } from '../../device.ts'
import type { IssuingProject } from '../../issuers.ts'
import type { RefreshJwts } from '../../refresh-jwts.ts'
import { RequestProblem } from '../../refusal.ts'
import type { Tokens } from '../../tokens.ts'

/** A success. `data` is left out where there is none. */
export const said = (message: string, data?: object, statusCode = 200) => ({ statusCode, message, data })

/** The id of a path in the one spelling that we compare. @throws RequestProblem with CREDEBL's sentence */
export function idOf(text: string, sentence: string): string {
  const id = text.trim().toLowerCase()
  if (!isUuid(id)) throw new RequestProblem('malformed_request', { errors: { id: [sentence] } })
  return id
}

/** What a front end says of itself; an empty text says nothing. */
export function frontEndOf(
  body: Partial<Record<'brandLogoUrl' | 'platformName' | 'endpoint' | 'clientAlias', string | null>>,
): FrontEnd {
  const text = (value: string | null | undefined) => value?.trim() || null
  return {
    linkBase: text(body.endpoint),
    clientAlias: text(body.clientAlias),
    platformName: text(body.platformName),
    logoUrl: text(body.brandLogoUrl),
  }
}

export type TokenView = ReturnType<typeof tokenView>

/** Shows the tokens of a grant. */
export const tokenView = (tokens: Tokens, jwts: RefreshJwts) => (project: IssuingProject, grant: Grant) => {
  const lives = (until: Date) => Math.max(0, Math.round((until.getTime() - grant.issuedAt.getTime()) / 1000))
  return {
    access_token: tokens.printAccess(project, grant, { email: grant.user.email }),
    expires_in: lives(grant.accessExpiresAt),
    refresh_token: jwts.print(project.id, grant),
    refresh_expires_in: lives(grant.refreshExpiresAt),
    token_type: 'Bearer',
    scope: 'email profile',
    session_state: grant.sessionId,
  }
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
