// The parts that the routes of the canonical API are built from: those of the hosted pages, and more.
import type { Services } from '../../domain/context.ts'
import type { HostedParts } from '../pages/hosted/parts.ts'
import type { TeamMemberView } from '../team-views.ts'
import type { Tokens } from '../tokens.ts'
import type { UserView } from '../views.ts'

export interface RouteParts extends HostedParts {
  readonly services: Services
  readonly tokens: Tokens
  readonly viewUser: UserView
  readonly viewMember: TeamMemberView
}
