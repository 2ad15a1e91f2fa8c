// What a session comes to for whoever has it: leave to hand out tokens.
import type { SessionState } from '../repositories/sessions.ts'
import type { UserRow } from '../repositories/users.ts'
import type { Project } from './projects.ts'

/** Leave to hand out the tokens of one generation of one session. Instants are the database's. */
export interface Grant {
  readonly user: UserRow
  readonly sessionId: string
  readonly generation: number
  readonly issuedAt: Date
  readonly accessExpiresAt: Date
  readonly refreshExpiresAt: Date
}

/** A refresh token that was read: which session, which generation of it. */
export interface PresentedRefresh {
  readonly sessionId: string
  readonly generation: number
}

/** The grant of a session as it was read; its access token lives for `accessSeconds`, default the policy's. */
export function toGrant(
  project: Project,
  user: UserRow,
  session: SessionState,
  accessSeconds?: number,
): Grant {
  const seconds = accessSeconds ?? project.policy.tokens.access_seconds
  const accessEnd = session.now.getTime() + seconds * 1000
  return {
    user,
    sessionId: session.id,
    generation: session.generation,
    issuedAt: session.now,
    // An access token never outlives its session.
    accessExpiresAt: new Date(Math.min(accessEnd, session.expiresAt.getTime())),
    refreshExpiresAt: session.expiresAt,
  }
}
