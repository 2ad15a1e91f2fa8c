// A grant: the user, session and refresh generation from which tokens are issued.
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { RefreshingClient } from '../../repositories/sessions/refresh.ts'
import type { SessionState } from '../../repositories/sessions/sessions.ts'
import type { Context } from '../context.ts'
import type { Project } from '../projects/projects.ts'
import type { AuthenticationMethod } from './authenticated.ts'

/** Allows the edge to issue the tokens of one generation of one session. Instants are the database's. */
export interface Grant {
  readonly user: UserRow
  readonly sessionId: string
  readonly generation: number
  /** The API that opened the session; no other one may refresh, extend or upgrade it. */
  readonly client: SessionState['client']
  /** How the user was authenticated last. */
  readonly amr: readonly AuthenticationMethod[]
  /** 2 with a second factor, else 1. */
  readonly acr: SessionState['acr']
  readonly authTime: Date
  readonly issuedAt: Date
  /** Lifetime of the access token in whole seconds, counted from the full second of its issue. */
  readonly accessSeconds: number
  readonly accessExpiresAt: Date
  readonly refreshExpiresAt: Date
  /** UUID of the operator who acts as the user; absent or null: the user acts. */
  readonly impersonator?: string | null
}

/** The session and generation that a valid refresh or access token names. */
export interface PresentedRefresh {
  /** UUID. */
  readonly sessionId: string
  /** The session's refresh generation that the token was issued for. */
  readonly generation: number
  /** Whether the form of the token shows that this API issued it, so that it may adopt a session of version 0.1. */
  readonly isOfThisApi?: boolean
}

/** The API to which a refresh token was presented. The session must belong to it. */
export const refreshingClient = (
  { caller }: Pick<Context, 'caller'>,
  { isOfThisApi = false }: PresentedRefresh,
): RefreshingClient => ({ client: caller.client, adoptsFormer: isOfThisApi })

/**
 * Makes the grant of a session as it was read. The access token ends with its session at the latest.
 * @param accessSeconds lifetime of the access token; default: the policy's `tokens.access_seconds`
 */
export function toGrant(
  project: Project,
  user: UserRow,
  session: SessionState,
  accessSeconds?: number,
): Grant {
  const issued = Math.floor(session.now.getTime() / 1000)
  const left = Math.max(0, Math.floor(session.expiresAt.getTime() / 1000) - issued)
  const seconds = Math.min(accessSeconds ?? project.policy.tokens.access_seconds, left)
  const { id: sessionId, generation, client, acr, authTime, impersonator, now: issuedAt } = session
  return {
    user,
    sessionId,
    generation,
    client,
    amr: readAmr(session),
    acr,
    authTime,
    issuedAt,
    accessSeconds: seconds,
    accessExpiresAt: seconds < left ? new Date((issued + seconds) * 1000) : session.expiresAt,
    refreshExpiresAt: session.expiresAt,
    impersonator,
  }
}

/** Reads the methods of a session's authentication from its row, which holds them with spaces between them. */
export const readAmr = ({ amr }: Pick<SessionState, 'amr'>) =>
  (amr === '' ? [] : amr.split(' ')) as AuthenticationMethod[]
