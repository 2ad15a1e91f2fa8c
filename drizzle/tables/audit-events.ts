// audit_events: what happened to an account, written in the transaction that it describes. Never a secret.
//
// Legal states: rows are only added, and go with their account. outcome refused = somebody tried and was told no.
// session_id or api_key_id say by what the owner acted, where they did; api_key_id also which key was made or revoked, and
// team_id which team it was about. Both outlive the key and the team.
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, reference, serialId } from './columns.ts'
import { ofUser } from './users.ts'

/** The closed list. */
export type AuditEvent =
  | 'signed_up'
  | 'signed_in'
  | 'signed_out'
  | 'signed_out_everywhere'
  | 'session_revoked'
  | 'other_sessions_revoked'
  | 'refresh_recovered'
  | 'refresh_reused'
  | 'email_verified'
  | 'password_changed'
  | 'password_reset_requested'
  | 'password_reset'
  | 'profile_updated'
  | 'avatar_updated'
  | 'avatar_removed'
  | 'email_change_requested'
  | 'email_changed'
  | 'email_change_undone'
  | 'deletion_requested'
  | 'account_restored'
  | 'data_exported'
  | 'identity_linked'
  | 'identity_unlinked'
  | 'account_taken_over'
  | 'password_set'
  | 'account_created'
  | 'account_disabled'
  | 'account_enabled'
  | 'role_changed'
  | 'api_key_created'
  | 'api_key_revoked'
  | 'api_keys_revoked'
  | 'team_created'
  | 'team_joined'
  | 'team_left'
  | 'team_removed'
  | 'team_role_changed'
  | 'team_deleted'
  | 'team_invitation_sent'

export const auditEvents = pgTable(
  'audit_events',
  {
    id: serialId(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    sessionId: uuid('session_id'),
    apiKeyId: uuid('api_key_id'),
    teamId: uuid('team_id'),
    event: text('event').$type<AuditEvent>().notNull(),
    outcome: text('outcome').$type<'success' | 'refused'>().notNull().default('success'),
    addressPrefix: text('address_prefix'),
    userAgent: text('user_agent'),
    createdAt: createdAt(),
  },
  (table) => [ofUser(table), index('audit_events_project_user').on(table.projectId, table.userId, table.id)],
)
