// security_log: what happened to the accounts of a project, kept when they are gone; and security_log_chains, one row for each
// project with the key and both ends of its chain.
//
// Legal states of a row:
//   written  position and hash null: committed with its cause, and within seconds sealed by a job
//   sealed   position counts the rows of the project without a gap, in the order in which they became visible; hash is an
//            HMAC over the row, its position and the hash of the position before
// Rows are only inserted, sealed once, and deleted from the oldest position on when the policy's retention is over. account is
// the UUID of an account, which leads to no person once the account is gone; address_hash an HMAC of the address, where no
// account had it. project_id is the nil UUID for what concerns the whole installation. No foreign key: the log is kept after what
// it names.
//
// A chain: key is the HMAC's, sealed under the service's sealing keys. The anchor is the last position that retention deleted
// (0: none), the head the last one sealed; each has an HMAC of its own.
import { sql } from 'drizzle-orm'
import { bigint, index, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { type AuditEvent, auditEventNames } from './audit-events.ts'
import { bytes, instant, reference } from './columns.ts'

/** Events that an account's own activity does not have. */
export const logOnlyEventNames = [
  'sign_in_refused',
  'sign_in_locked',
  'reauthentication_refused',
  'proof_refused',
  'second_factor_refused',
  'passkey_refused',
  'social_sign_in_refused',
  'project_secret_refused',
  'account_deleted',
  'project_created',
  'policy_changed',
  'project_secret_rotated',
  'project_renamed',
  'project_archived',
  'project_opened',
  'operator_role_changed',
  'operator_role_removed',
  'operator_setup_linked',
  'operator_key_created',
  'operator_key_revoked',
  'operator_refused',
  'impersonation_ended',
  'log_exported',
  'accounts_exported',
  'signing_key_rotated',
  'signing_key_revoked',
  'signing_keys_resealed',
  'mail_retried',
  'webhook_created',
  'webhook_changed',
  'webhook_deleted',
  'webhook_secret_rotated',
] as const
export type LogOnlyEvent = (typeof logOnlyEventNames)[number]

export type SecurityEvent = AuditEvent | LogOnlyEvent

/** Every event of the log. */
export const securityEventNames: readonly SecurityEvent[] = [...auditEventNames, ...logOnlyEventNames]

/** Who acted: a user in a session or by an API key, an operator, or a client that had proven nothing. */
export type LogActor = 'user' | 'api_key' | 'operator' | 'none'

/** The facts of an event that have no column; never a secret, an address or a name. */
export interface LogDetails {
  /** Why it was refused; of an impersonation, why the operator asked for it. */
  readonly reason?: string
  readonly method?: string
  /** How an operator acted. */
  readonly via?: 'command_line' | 'project_secret' | 'admin_api'
  /** UUID of the account that acted, where that is another one. */
  readonly by?: string
  readonly api_key_id?: string
  readonly team_id?: string
  readonly webhook_id?: string
  /** UUID of the operator key that acted. */
  readonly operator_key_id?: string
  /** UUID of the operator key that was made or revoked. */
  readonly key_id?: string
  /** The role of an operator that was given or taken. */
  readonly role?: string
  /** UUID of the project that such a role is for; absent: every project. */
  readonly scope?: string
  /** What a proof was for. */
  readonly purpose?: string
}

export const securityLog = pgTable(
  'security_log',
  {
    id: bigint('id', { mode: 'number' }).notNull().generatedByDefaultAsIdentity(),
    projectId: uuid('project_id').notNull(),
    at: instant('at').notNull().defaultNow(),
    event: text('event').$type<SecurityEvent>().notNull(),
    outcome: text('outcome').$type<'success' | 'refused'>().notNull().default('success'),
    actor: text('actor').$type<LogActor>().notNull(),
    account: uuid('account'),
    addressHash: bytes('address_hash'),
    addressPrefix: text('address_prefix'),
    userAgent: text('user_agent'),
    sessionId: uuid('session_id'),
    details: jsonb('details').$type<LogDetails>().notNull().default({}),
    position: reference('position'),
    hash: bytes('hash'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.id] }),
    index('security_log_account')
      .on(table.projectId, table.account, table.id)
      .where(sql`${table.account} is not null`),
    index('security_log_address')
      .on(table.projectId, table.addressHash, table.id)
      .where(sql`${table.addressHash} is not null`),
    uniqueIndex('security_log_position')
      .on(table.projectId, table.position)
      .where(sql`${table.position} is not null`),
    // Rows come in the order of time, so that a few bytes for each hundred pages are enough to find a span of days.
    index('security_log_time').using('brin', table.at),
    index('security_log_unsealed').on(table.projectId, table.id).where(sql`${table.position} is null`),
  ],
)

export const securityLogChains = pgTable('security_log_chains', {
  projectId: uuid('project_id').primaryKey(),
  key: bytes('key').notNull(),
  anchorPosition: reference('anchor_position').notNull(),
  anchorHash: bytes('anchor_hash').notNull(),
  anchorMac: bytes('anchor_mac').notNull(),
  headPosition: reference('head_position').notNull(),
  headHash: bytes('head_hash').notNull(),
  headMac: bytes('head_mac').notNull(),
})
