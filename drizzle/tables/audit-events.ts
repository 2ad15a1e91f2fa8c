// audit_events: the events of an account, each written in the transaction that it describes. They contain no secret.
//
// Legal states: rows are only inserted, and are deleted with their account. outcome refused: the attempt failed.
// session_id or api_key_id name the session or key with which the owner acted, if any; api_key_id also names a key that was
// created or revoked, and team_id the team concerned. Both are kept when the key or the team is deleted.
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, reference, serialId } from './columns.ts'
import { ofUser } from './users.ts'

/** The closed list of events. */
export const auditEventNames = [
  'signed_up',
  'signed_in',
  'signed_out',
  'signed_out_everywhere',
  'session_revoked',
  'other_sessions_revoked',
  'refresh_recovered',
  'refresh_reused',
  'code_reused',
  'email_verified',
  'password_changed',
  'stepped_up',
  'password_reset_requested',
  'password_reset',
  'profile_updated',
  'avatar_updated',
  'avatar_removed',
  'email_change_requested',
  'email_changed',
  'email_change_undone',
  'sign_in_disowned',
  'deletion_requested',
  'account_restored',
  'data_exported',
  'identity_linked',
  'identity_unlinked',
  'account_taken_over',
  'passkey_added',
  'passkey_renamed',
  'passkey_removed',
  'passkeys_removed',
  'passkey_counter_back',
  'password_set',
  'account_created',
  'account_disabled',
  'account_enabled',
  'role_changed',
  'impersonated',
  'api_key_created',
  'api_key_revoked',
  'api_keys_revoked',
  'factor_added',
  'factor_removed',
  'recovery_codes_renewed',
  'recovery_code_used',
  'device_trusted',
  'trusted_devices_ended',
  'factors_reset_requested',
  'factors_reset_cancelled',
  'factors_reset',
  'team_created',
  'team_joined',
  'team_left',
  'team_removed',
  'team_role_changed',
  'team_deleted',
  'team_invitation_sent',
] as const
export type AuditEvent = (typeof auditEventNames)[number]

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
