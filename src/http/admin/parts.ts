// What the routes of the admin API are given.
import type { Services } from '../../domain/context.ts'
import type { Tokens } from '../tokens.ts'

export interface AdminParts {
  readonly services: Services
  readonly tokens: Tokens
  readonly publicUrl: string
}
