// What the routes of the admin API are given.
import type { Services } from '../../domain/context.ts'
import type { Tokens } from '../tokens.ts'
import type { SessionPrinter, UserView } from '../views.ts'

export interface AdminParts {
  readonly services: Services
  readonly tokens: Tokens
  readonly publicUrl: string
  readonly viewUser: UserView
  readonly printSession: SessionPrinter
}
