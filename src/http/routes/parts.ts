// What the routes of the canonical API are given; each names the parts that it needs.
import type { RefreshKey } from '../../crypto/refresh-secret.ts'
import type { Services } from '../../domain/context.ts'
import type { FlowCookies, ProjectCookie, SessionCookies } from '../cookies.ts'
import type { HostedParts } from '../pages/hosted/parts.ts'
import type { OpenedSessionPrinter } from '../replaced-session.ts'
import type { TeamMemberView } from '../team-views.ts'
import type { Tokens } from '../tokens.ts'
import type { SessionPrinter, UserView } from '../views.ts'

export interface RouteParts {
  readonly services: Services
  readonly tokens: Tokens
  /** The issuer of the installation. */
  readonly publicUrl: string
  readonly cookies: SessionCookies
  readonly flowCookies: FlowCookies
  readonly deviceCookie: ProjectCookie
  /** Every key that refresh tokens may have been printed with. */
  readonly refreshKeys: readonly RefreshKey[]
  readonly printSession: SessionPrinter
  /** For a session that was just opened. */
  readonly printOpened: OpenedSessionPrinter
  readonly viewUser: UserView
  readonly viewMember: TeamMemberView
  /** The pages to sign in with, on which a provider's sign-in may end. */
  readonly hosted: HostedParts
}
