// Inserts imported accounts with their identities, factors and memberships. One statement inserts a batch, so that each account is
// inserted completely or not at all, and an interrupted import can be repeated.
import { sql } from 'drizzle-orm'
import { auditEvents } from '../../../drizzle/tables/audit-events.ts'
import { identities } from '../../../drizzle/tables/identities.ts'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { recoveryCodes } from '../../../drizzle/tables/recovery-codes.ts'
import { securityLog } from '../../../drizzle/tables/security-log.ts'
import { teamMembers } from '../../../drizzle/tables/team-members.ts'
import { teams } from '../../../drizzle/tables/teams.ts'
import { totpFactors } from '../../../drizzle/tables/totp-factors.ts'
import { users } from '../../../drizzle/tables/users.ts'
import {
  type EmailProof,
  type ProfileChange,
  profileColumns,
  type UserWithPassword,
} from '../accounts/users.ts'
import type { LogCircumstances } from '../audit/security-log.ts'
import { type Database, first, rowCount, type UnscopedDatabase } from '../database.ts'
import type { TeamRole } from '../teams/teams.ts'

/** An identity at a provider. Times are in ISO 8601 here and below. */
export interface ImportedIdentity {
  readonly provider: string
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  readonly emailVerified: boolean
  readonly createdAt: string | null
}

/** A passkey. Bytes are in hexadecimal here and below. */
export interface ImportedPasskey {
  readonly credentialId: string
  readonly publicKey: string
  readonly name: string
  readonly aaguid: string
  readonly transports: string
  readonly backupEligible: boolean
  readonly backedUp: boolean
  readonly signCount: number
  readonly createdAt: string | null
  readonly lastUsedAt: string | null
  /** User handle (WebAuthn §4); empty: unknown. */
  readonly userHandle: string
}

export interface ImportedTotp {
  readonly sealedSecret: string
  readonly lastStep: number
  readonly createdAt: string | null
  readonly confirmedAt: string | null
}

export interface ImportedMembership {
  readonly id: string
  readonly name: string
  readonly role: TeamRole
  readonly createdAt: string | null
  readonly joinedAt: string | null
}

export interface ImportedRecoveryCode {
  readonly codeHash: string
  readonly createdAt: string | null
  readonly usedAt: string | null
}

/** A team, which may have no members. */
export type ImportedTeam = Pick<ImportedMembership, 'id' | 'name' | 'createdAt'>

export interface ImportedUser
  extends Pick<UserWithPassword, 'uuid' | 'email' | 'passwordHash' | 'role' | keyof ProfileChange> {
  readonly emailVerifiedAt: string | null
  readonly emailProof: EmailProof | null
  readonly provider: string | null
  readonly disabledAt: string | null
  readonly deletionDueAt: string | null
  readonly createdAt: string | null
  readonly totp: ImportedTotp | null
  readonly identities: readonly ImportedIdentity[]
  readonly passkeys: readonly ImportedPasskey[]
  readonly recoveryCodes: readonly ImportedRecoveryCode[]
  readonly teams: readonly ImportedMembership[]
}

/** Sorts the accounts of a batch, with each address and UUID once. The same order in all imports prevents deadlocks. */
function inOrder(imported: readonly ImportedUser[]): ImportedUser[] {
  const taken = new Set<string>()
  return imported
    .filter(({ email, uuid }) => {
      if (taken.has(email) || taken.has(uuid)) return false
      taken.add(email).add(uuid)
      return true
    })
    .sort((a, b) => (a.email < b.email ? -1 : Number(a.email > b.email)))
}

/** An item that an import left out because another account of the project has it. */
export interface TakenItem {
  /** Address of the account that was inserted without it. */
  readonly email: string
  readonly kind: 'identity' | 'passkey'
}

export interface InsertedUsers {
  readonly created: number
  readonly takenIdentities: number
  readonly takenPasskeys: number
  /** At most `maxTakenItems` of these identities and passkeys. */
  readonly taken: readonly TakenItem[]
}

/** Items that the result of a batch names; it counts all. */
export const maxTakenItems = 20

/** The items of a list in `given`, joined with the inserted account. */
const expanded = (list: string, columns: string) =>
  sql.raw(`added join given using (uuid), jsonb_to_recordset(given."${list}") as item(${columns})`)

/**
 * A select of the items of a list that were not inserted because another account has them. An item that its own list has twice
 * counts as inserted. If all items were inserted, nothing is compared.
 * @param key the unique columns, which have the same names in `items` and `inserted`
 */
const lost = (kind: TakenItem['kind'], items: string, inserted: string, key: string) =>
  `select '${kind}' as kind, lost.email from (select distinct user_id, owner as email, ${key} from ${items}) lost
    where (select count(*) from ${items}) > (select count(*) from ${inserted})
      and not exists (select from ${inserted} kept where (kept.user_id, ${key.replace(/\w+/g, 'kept.$&')})
      = (lost.user_id, ${key.replace(/\w+/g, 'lost.$&')}))`
const taken = sql.raw(
  `${lost('identity', 'identity_items', 'linked', 'issuer, subject')}
    union all ${lost('passkey', 'passkey_items', 'keyed', 'credential_id')}`,
)
const outcome = sql.raw(`(select count(*)::int from added) as created,
  (select count(*)::int from taken where kind = 'identity') as "takenIdentities",
  (select count(*)::int from taken where kind = 'passkey') as "takenPasskeys",
  (select coalesce(jsonb_agg(shown), '[]') from (select email, kind from taken order by email, kind
    limit ${maxTakenItems}) shown) as taken`)

/** The fields of the profile with their types, the fields, and the columns that they are inserted into. */
const profile = Object.entries(profileColumns)
const profileGiven = sql.raw(profile.map(([field, column]) => `"${field}" ${column.getSQLType()}`).join(', '))
const profileValues = sql.raw(profile.map(([field]) => `"${field}"`).join(', '))
const profileNames = sql.raw(profile.map(([, { name }]) => name).join(', '))

const identityColumns =
  'provider text, issuer text, subject text, email text, "emailVerified" boolean, "createdAt" timestamptz'
const passkeyColumns = `"credentialId" text, "publicKey" text, name text, aaguid uuid, transports text, "backupEligible" boolean,
  "backedUp" boolean, "signCount" bigint, "createdAt" timestamptz, "lastUsedAt" timestamptz, "userHandle" text`

const bytesOf = (name: string) => sql.raw(`decode(item."${name}", 'hex')`)

/**
 * Inserts accounts with an unused address and UUID, with all that belongs to them, their audit events and rows of the security log.
 * Of two with the same address or UUID, the first one is inserted. Existing accounts do not change, and keep their identities and
 * passkeys.
 */
export async function insertUsers(
  db: Database,
  imported: readonly ImportedUser[],
  { actor, details }: Pick<LogCircumstances, 'actor' | 'details'>,
): Promise<InsertedUsers> {
  const { projectId } = db
  const row = await first<InsertedUsers>(
    db.queries.execute(sql`with given as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(inOrder(imported))}::text::jsonb) as given(uuid uuid, email text, "passwordHash" text,
        "emailVerifiedAt" timestamptz, "emailProof" text, ${profileGiven}, role text, provider text,
        "disabledAt" timestamptz, "deletionDueAt" timestamptz,
        "createdAt" timestamptz, totp jsonb, identities jsonb, passkeys jsonb, "recoveryCodes" jsonb, teams jsonb)),
    added as (
      insert into ${users} (uuid, project_id, email, password_hash, email_verified_at, email_proof, ${profileNames}, role,
        provider, second_factors, disabled_at, deletion_due_at, created_at)
      select uuid, ${projectId}::uuid, email, "passwordHash", "emailVerifiedAt", "emailProof", ${profileValues}, role,
        provider, case when totp = 'null' or totp is null then '' else 'totp' end,
        "disabledAt", "deletionDueAt", coalesce("createdAt", now())
      from given on conflict do nothing returning project_id, id, uuid),
    identity_items as materialized (select added.id as user_id, given.email as owner, item.*
      from ${expanded('identities', identityColumns)}),
    linked as (insert into ${identities} (id, project_id, user_id, provider, issuer, subject, email, email_verified, created_at)
      select gen_random_uuid(), ${projectId}::uuid, user_id, provider, issuer, subject, email, "emailVerified",
        coalesce("createdAt", now())
      from identity_items on conflict do nothing returning user_id, issuer, subject),
    passkey_items as materialized (select added.id as user_id, given.email as owner, ${bytesOf('credentialId')} as credential_id, item.*
      from ${expanded('passkeys', passkeyColumns)}),
    keyed as (insert into ${passkeys} (id, project_id, user_id, credential_id, public_key, name, aaguid, transports,
        backup_eligible, backed_up, sign_count, created_at, last_used_at, user_handle)
      select gen_random_uuid(), ${projectId}::uuid, user_id, credential_id, decode("publicKey", 'hex'), name, aaguid, transports,
        "backupEligible", "backedUp", "signCount", coalesce("createdAt", now()), "lastUsedAt", decode("userHandle", 'hex')
      from passkey_items on conflict do nothing returning user_id, credential_id),
    taken as materialized (${taken}),
    enrolled as (insert into ${totpFactors} (project_id, user_id, sealed_secret, last_step, created_at, confirmed_at)
      select project_id, added.id, decode(totp->>'sealedSecret', 'hex'), (totp->>'lastStep')::bigint,
        coalesce((totp->>'createdAt')::timestamptz, now()), coalesce((totp->>'confirmedAt')::timestamptz, now())
      from added join given using (uuid) where totp <> 'null'),
    coded as (insert into ${recoveryCodes} (project_id, user_id, code_hash, created_at, used_at)
      select project_id, added.id, ${bytesOf('codeHash')}, coalesce(item."createdAt", now()), item."usedAt"
      from ${expanded('recoveryCodes', '"codeHash" text, "createdAt" timestamptz, "usedAt" timestamptz')}
      on conflict do nothing),
    founded as (insert into ${teams} (id, project_id, name, created_at)
      select distinct on (item.id) item.id, project_id, item.name, coalesce(item."createdAt", now())
      from ${expanded('teams', 'id uuid, name text, "createdAt" timestamptz')}
      order by item.id on conflict do nothing returning id),
    joined as (insert into ${teamMembers} (project_id, team_id, user_id, role, created_at)
      select project_id, item.id, added.id, item.role, coalesce(item."joinedAt", now())
      from ${expanded('teams', 'id uuid, role text, "joinedAt" timestamptz')}
      -- A team of another project keeps its id to itself.
      where item.id in (select id from founded)
        or exists (select from ${teams} own where own.project_id = ${projectId}::uuid and own.id = item.id)
      on conflict do nothing),
    logged as (insert into ${securityLog} (project_id, event, actor, account, details)
      select project_id, 'account_created', ${actor}::text, uuid, ${JSON.stringify(details)}::text::jsonb from added),
    noted as (insert into ${auditEvents} (project_id, user_id, event)
      select project_id, id, 'account_created' from added)
    select ${outcome}`) as unknown as PromiseLike<InsertedUsers[]>,
  )
  return row ?? { created: 0, takenIdentities: 0, takenPasskeys: 0, taken: [] }
}

/** Raises the statement timeout of this transaction to a minute, which a batch may take on a busy machine. */
export async function allowLongStatement(db: Database): Promise<void> {
  await db.queries.execute(sql`set local statement_timeout = '60s'`)
}

/** Inserts teams; existing ones do not change. @returns how many were inserted */
export function insertTeams(db: Database, imported: readonly ImportedTeam[]): Promise<number> {
  return rowCount(
    db.queries.execute(sql`insert into ${teams} (id, project_id, name, created_at)
      select distinct on (id) id, ${db.projectId}::uuid, name, coalesce("createdAt", now())
      from jsonb_to_recordset(${JSON.stringify(imported)}::text::jsonb) as given(id uuid, name text, "createdAt" timestamptz)
      order by id on conflict do nothing returning 1`),
  )
}

/** Analyzes the tables that an import fills. Without the privilege, PostgreSQL only emits a warning. */
export async function analyzeImportedTables(db: UnscopedDatabase): Promise<void> {
  await db.queries.execute(sql`analyze ${users}, ${identities}, ${auditEvents}, ${securityLog}`)
}
