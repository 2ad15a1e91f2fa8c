// passkeys: WebAuthn credentials that open an account. passkey_flows: unused.
//
// Legal states of a passkey: credential_id belongs to one account of a project; the row is added by the account's owner while
// the address is proven by its holder, and removed by the owner, by an event of the account's life, or with the account.
// public_key is a COSE key (RFC 9052 §7). aaguid names the model of the authenticator; nil: it does not say. transports are
// separated by spaces. backup_eligible: the passkey may be on several devices; backed_up: it was when it was last used.
// sign_count only increases, and stays 0 where the authenticator does not count. last_used_at null: never used.
// user_handle is null where the passkey was registered here: its authenticator calls the account by project and account. Of a passkey
// that was registered elsewhere it is what its authenticator calls the account; empty: that is not known. backup_eligible of such a
// passkey is what its last use said.
//
// passkey_flows is left from builds that stored challenges, because a migration drops nothing while instances that use it may run.
// Since challenges are signed, no row is added; cleanup removes the last ones. The version after 0.2 drops it.
import { bigint, boolean, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { projectId } from './projects.ts'
import { ofUser } from './users.ts'

export const passkeys = pgTable(
  'passkeys',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    credentialId: bytes('credential_id').notNull(),
    publicKey: bytes('public_key').notNull(),
    name: text('name').notNull(),
    aaguid: uuid('aaguid').notNull(),
    transports: text('transports').notNull().default(''),
    backupEligible: boolean('backup_eligible').notNull(),
    backedUp: boolean('backed_up').notNull(),
    signCount: bigint('sign_count', { mode: 'number' }).notNull(),
    createdAt: createdAt(),
    lastUsedAt: instant('last_used_at'),
    userHandle: bytes('user_handle'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('passkeys_project_credential').on(table.projectId, table.credentialId),
    index('passkeys_project_user').on(table.projectId, table.userId),
  ],
)

export const passkeyFlows = pgTable(
  'passkey_flows',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    userId: reference('user_id'),
    purpose: text('purpose').notNull(),
    challengeHash: bytes('challenge_hash').notNull(),
    bindingHash: bytes('binding_hash').notNull(),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [ofUser(table), index('passkey_flows_project_user').on(table.projectId, table.userId)],
)
