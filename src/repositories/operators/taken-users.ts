// Finds addresses, identities and passkeys of an import that existing accounts have.
import { sql } from 'drizzle-orm'
import { identities } from '../../../drizzle/tables/identities.ts'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { type Database, first } from '../database.ts'
import type { ImportedIdentity, ImportedUser } from './imported-users.ts'

export interface FoundTaken {
  /** Addresses of accounts that would not be inserted, because an account has the address or the UUID. */
  readonly emails: readonly string[]
  /** Identities that an account has, as `identityKey` prints them. */
  readonly identities: readonly string[]
  /** The ids of passkeys that an account has. */
  readonly passkeys: readonly string[]
}

/** Prints an identity as a key for comparisons. */
export const identityKey = ({ issuer, subject }: Pick<ImportedIdentity, 'issuer' | 'subject'>): string =>
  `${issuer}\n${subject}`

/** Finds what existing accounts have of the given users, in one statement. */
export async function findTaken(
  db: Database,
  imported: readonly Pick<ImportedUser, 'email' | 'uuid' | 'identities' | 'passkeys'>[],
): Promise<FoundTaken> {
  const keys = imported.map(({ email, uuid }) => ({ email, uuid }))
  const linked = imported.flatMap((user) =>
    user.identities.map(({ issuer, subject }) => ({ issuer, subject })),
  )
  const keyed = imported.flatMap((user) => user.passkeys.map(({ credentialId }) => ({ id: credentialId })))
  const { projectId } = db
  const row = await first<FoundTaken>(
    db.queries.execute(sql`select
      (select coalesce(jsonb_agg(email), '[]') from jsonb_to_recordset(${JSON.stringify(keys)}::text::jsonb) as given(uuid uuid, email text)
        where exists (select from ${users} own where own.project_id = ${projectId}::uuid
          and (own.email = given.email or own.uuid = given.uuid))) as emails,
      (select coalesce(jsonb_agg(issuer || chr(10) || subject), '[]')
        from jsonb_to_recordset(${JSON.stringify(linked)}::text::jsonb) as given(issuer text, subject text)
        where exists (select from ${identities} own where own.project_id = ${projectId}::uuid
          and own.issuer = given.issuer and own.subject = given.subject)) as identities,
      (select coalesce(jsonb_agg(id), '[]') from jsonb_to_recordset(${JSON.stringify(keyed)}::text::jsonb) as given(id text)
        where exists (select from ${passkeys} own where own.project_id = ${projectId}::uuid
          and own.credential_id = decode(given.id, 'hex'))) as passkeys`) as unknown as PromiseLike<
      FoundTaken[]
    >,
  )
  return row ?? { emails: [], identities: [], passkeys: [] }
}
