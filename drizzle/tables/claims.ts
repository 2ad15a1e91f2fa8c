// claims: sign-ups that wait for the proof of their address, in projects that demand it (verification.mode strict).
//
// Legal states:
//   open     expires_at in the future: the mail that names the claim carries its token and code
//   expired  otherwise; deleted a day later
// A claim becomes the account when its token or code is proven, which deletes every claim on the address. It has the data of the
// sign-up: a password, or the identity of a provider that did not vouch for the address. user_id and user_uuid are reserved for the
// account. serial counts the requests for another mail: token and code are derived from it, and only the newest work. Several
// claims on one address may be open, from different clients (client_key: HMAC of the client's network); a claim on an address with
// a proven account is never proven. password_hash has a salt derived from the address, so that one computation tries a password
// against every claim on it.
import { bigint, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId } from './columns.ts'
import { projectId } from './projects.ts'

/** A provider's identity, as in `identities`. */
export interface ClaimedIdentity {
  readonly provider: string
  readonly issuer: string
  readonly subject: string
}

export const claims = pgTable(
  'claims',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    email: text('email').notNull(),
    userId: bigint('user_id', { mode: 'number' }).notNull(),
    userUuid: uuid('user_uuid').notNull(),
    passwordHash: text('password_hash'),
    identity: jsonb('identity').$type<ClaimedIdentity>(),
    displayName: text('display_name'),
    firstName: text('first_name'),
    lastName: text('last_name'),
    locale: text('locale'),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    clientKey: bytes('client_key').notNull(),
    serial: integer('serial').notNull().default(0),
    tokenHash: bytes('token_hash').notNull(),
    codeHash: bytes('code_hash').notNull(),
    codeAttempts: integer('code_attempts').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    uniqueIndex('claims_project_hash').on(table.projectId, table.tokenHash),
    index('claims_project_email').on(table.projectId, table.email),
  ],
)
