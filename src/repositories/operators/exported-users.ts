// Reads accounts in the format of an import, including password hashes, for a move to another installation.
import { sql } from 'drizzle-orm'
import { identities } from '../../../drizzle/tables/identities.ts'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { recoveryCodes } from '../../../drizzle/tables/recovery-codes.ts'
import { teamMembers } from '../../../drizzle/tables/team-members.ts'
import { teams } from '../../../drizzle/tables/teams.ts'
import { totpFactors } from '../../../drizzle/tables/totp-factors.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { profileColumns } from '../accounts/users.ts'
import type { Database } from '../database.ts'

/** An account with the field names of an import file. Times are in ISO 8601, bytes in base64url. */
export interface ExportedUser {
  readonly id: number
  readonly uuid: string
  readonly person: Readonly<Record<string, unknown>>
  /** Enrolled authenticator with its sealed secret in hexadecimal; null: there is none. */
  readonly totp: { readonly sealed: string; readonly [field: string]: unknown } | null
}

const base64Url = (bytes: string) => sql.raw(`translate(encode(${bytes}, 'base64'), E'+/=\\n', '-_')`)
/** The user handle of a passkey (WebAuthn §4). For passkeys that were registered here, it is the UUIDs of project and account. */
const userHandle = base64Url(
  `coalesce(item.user_handle, decode(replace(u.project_id::text || u.uuid::text, '-', ''), 'hex'))`,
)
/** The fields of the profile, as arguments of `jsonb_build_object`. */
const profile = sql.raw(
  Object.values(profileColumns)
    .map(({ name }) => `'${name}', u.${name}`)
    .join(', '),
)
/** The condition for rows of the user of the statement. */
const ofUser = sql.raw('item.project_id = u.project_id and item.user_id = u.id')

/** Lists up to `limit` accounts with a larger id than `after`, the oldest first. */
export async function listExportedUsers(db: Database, after: number, limit: number): Promise<ExportedUser[]> {
  const rows: unknown = await db.queries.execute(sql`select u.id::float8 as id, u.uuid,
    jsonb_build_object('email', u.email, 'uuid', u.uuid, 'password_hash', u.password_hash, 'email_verified_at', u.email_verified_at,
      'email_proof', u.email_proof, ${profile}, 'role', u.role, 'provider', u.provider, 'created_at', u.created_at,
      'disabled_at', u.disabled_at, 'deletion_due_at', u.deletion_due_at,
      'identities', (select jsonb_agg(jsonb_build_object('provider', provider, 'issuer', issuer, 'subject', subject,
          'email', email, 'email_verified', email_verified, 'created_at', created_at) order by created_at, id)
        from ${identities} item where ${ofUser}),
      'passkeys', (select jsonb_agg(jsonb_build_object('credential_id', ${base64Url('credential_id')},
          'public_key', ${base64Url('public_key')}, 'name', name, 'aaguid', aaguid,
          'transports', array_remove(string_to_array(transports, ' '), ''), 'backup_eligible', backup_eligible,
          'user_handle', nullif(${userHandle}, ''), 'backed_up', backed_up, 'sign_count', sign_count, 'created_at', created_at, 'last_used_at', last_used_at)
          order by created_at, id)
        from ${passkeys} item where ${ofUser}),
      'recovery_codes', (select jsonb_agg(jsonb_build_object('hash', ${base64Url('code_hash')}, 'created_at', created_at,
          'used_at', used_at) order by code_hash)
        from ${recoveryCodes} item where ${ofUser}),
      'teams', (select jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'role', item.role,
          'created_at', t.created_at, 'joined_at', item.created_at) order by t.created_at, t.id)
        from ${teamMembers} item join ${teams} t on t.project_id = item.project_id and t.id = item.team_id where ${ofUser})
    ) as person,
    (select jsonb_build_object('sealed', encode(sealed_secret, 'hex'), 'last_step', last_step, 'created_at', created_at,
        'confirmed_at', confirmed_at)
      from ${totpFactors} item where ${ofUser} and confirmed_at is not null) as totp
    from ${users} u where u.project_id = ${db.projectId}::uuid and u.id > ${after} order by u.id limit ${limit}`)
  return rows as ExportedUser[]
}

/** Lists the teams without members. */
export async function listEmptyTeams(db: Database): Promise<Record<string, unknown>[]> {
  const rows: unknown =
    await db.queries.execute(sql`select t.id, t.name, to_jsonb(t.created_at) as created_at from ${teams} t
    where t.project_id = ${db.projectId}::uuid and not exists (select from ${teamMembers} item
      where item.project_id = t.project_id and item.team_id = t.id) order by t.created_at, t.id`)
  return rows as Record<string, unknown>[]
}
