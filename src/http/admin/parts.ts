// The parts that the routes of the admin API are built from.
import type { Services } from '../../domain/context.ts'
import type { TeamMemberView } from '../team-views.ts'
import type { Tokens } from '../tokens.ts'
import type { SessionPrinter, UserView } from '../views.ts'
import type { AdminUserView } from './views.ts'

export interface AdminParts {
  readonly services: Services
  readonly tokens: Tokens
  readonly viewUser: UserView
  readonly printSession: SessionPrinter
  readonly viewMember: TeamMemberView
  /** How operators see a user. */
  readonly viewAdminUser: AdminUserView
}
