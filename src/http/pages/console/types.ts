// What the admin API answers, as far as the console shows it. openapi/admin.json describes every field.

export type Role = 'owner' | 'admin' | 'support' | 'auditor' | 'viewer'

export interface HeldRole {
  readonly role: Role
  readonly scope: string | null
}

export interface Me {
  readonly id: string
  readonly name: string
  readonly roles: readonly HeldRole[]
}

/** A page of a list, by keyset. */
export interface Page<T> {
  readonly data: readonly T[]
  readonly next_cursor: string | null
}

export interface List<T> {
  readonly data: readonly T[]
}

export interface Project {
  readonly id: string
  readonly name: string
  readonly reserved: boolean
  readonly has_secret: boolean
  readonly archived_at: string | null
  readonly created_at: string
}

export interface ProjectWithSecret {
  readonly project: Project
  readonly secret: string
}

export interface User {
  readonly uuid: string
  readonly email: string
  readonly email_verified_at: string | null
  readonly email_proof: string | null
  readonly display_name: string | null
  readonly first_name: string | null
  readonly last_name: string | null
  readonly locale: string | null
  readonly role: string
  readonly provider: string | null
  readonly avatar_url: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly has_password: boolean
  readonly second_factors: readonly string[]
  readonly passkeys: number
  readonly providers: readonly string[]
  readonly last_sign_in_at: string | null
  readonly factors_reset_due_at: string | null
  readonly disabled_at: string | null
  readonly deletion_due_at: string | null
  readonly created_at: string
  readonly updated_at: string
}

export interface Device {
  readonly browser: string | null
  readonly os: string | null
  readonly kind: string
}

export interface Session {
  readonly id: string
  readonly created_at: string
  readonly last_seen_at: string
  readonly expires_at: string
  readonly device: Device
  readonly address_prefix: string | null
  readonly amr: readonly string[]
}

export interface Identity {
  readonly id: string
  readonly provider: string
  readonly email: string | null
  readonly last_used_at: string | null
}

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly key_prefix: string
  readonly expires_at: string | null
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

export interface Team {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly member_count: number
  readonly created_at: string
}

export type AdminTeam = Omit<Team, 'role'>

export interface TeamMember {
  readonly user_uuid: string
  readonly email: string
  readonly display_name: string | null
  readonly role: string
  readonly joined_at: string
}

export interface Activity {
  readonly id: number
  readonly event: string
  readonly outcome: 'success' | 'refused'
  readonly address_prefix: string | null
  readonly device: Device
  readonly created_at: string
}

export interface Impersonation {
  readonly session_id: string
  readonly access_token: string
  readonly expires_at: string
}

export interface Mail {
  readonly id: string
  readonly kind: string
  readonly to: string | null
  readonly attempts: number
  readonly created_at: string
  readonly next_attempt_at: string | null
  readonly dead_at: string | null
  readonly last_error: string | null
}

export interface SigningKey {
  readonly kid: string
  readonly algorithm: string
  readonly state: 'next' | 'current' | 'previous'
  readonly created_at: string
}

export interface LogEntry {
  readonly id: number
  readonly at: string
  readonly event: string
  readonly outcome: 'success' | 'refused'
  readonly actor: string
  readonly account: string | null
  readonly session_id: string | null
  readonly address_prefix: string | null
  readonly user_agent: string | null
  readonly details: Readonly<Record<string, unknown>>
}

export interface LogVerdict {
  readonly rows: number
  readonly unsealed: number
  readonly head: { readonly position: number; readonly hash: string } | null
  readonly broken: string | null
}

export interface FeedEvent {
  readonly type: string
  readonly timestamp: string
  readonly position: number
  readonly subject: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface Feed {
  readonly data: readonly FeedEvent[]
  readonly next: string
}

export interface Webhook {
  readonly id: string
  readonly url: string
  readonly description: string
  readonly types: readonly string[]
  readonly failures: number
  readonly disabled_at: string | null
  readonly disabled_reason: string | null
  readonly created_at: string
}

export interface WebhookWithSecret {
  readonly webhook: Webhook
  readonly secret: string
}

export interface Delivery {
  readonly id: string
  readonly type: string
  readonly state: 'pending' | 'sent' | 'dead'
  readonly attempts: number
  readonly next_attempt_at: string | null
  readonly last_attempt_at: string | null
  readonly last_status: number | null
  readonly last_error: string | null
  readonly created_at: string
}

export type Policy = Readonly<Record<string, unknown>>

export interface PolicyState {
  readonly stored: Policy
  readonly effective: Policy
}

export interface PolicyChange {
  readonly key: string
  readonly before?: unknown
  readonly after?: unknown
  readonly reset: boolean
}

export interface PolicyResult extends PolicyState {
  readonly changes: readonly PolicyChange[]
}

export interface Operator {
  readonly uuid: string
  readonly email: string
  readonly display_name: string | null
  readonly roles: readonly HeldRole[]
  readonly second_factors: readonly string[]
  readonly disabled_at: string | null
  readonly created_at: string
}

export interface OperatorKey {
  readonly id: string
  readonly name: string
  readonly key_prefix: string
  readonly role: Role
  readonly scope: string | null
  readonly expires_at: string
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}
