// Accounts that come from elsewhere, with what belongs to them: a batch is one statement, so that an account is there whole or not at
// all, and an import that was interrupted can be done again.
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
import type { ProfileChange, UserWithPassword } from '../accounts/users.ts'
import type { LogCircumstances } from '../audit/security-log.ts'
import { type Database, first, rowCount, type UnscopedDatabase } from '../database.ts'
import type { TeamRole } from '../teams/teams.ts'

/** An identity at a provider; instants are in ISO 8601 here and below. */
export interface ImportedIdentity {
  readonly provider: string
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  readonly emailVerified: boolean
  readonly createdAt: string | null
}

/** A passkey; bytes are in hexadecimal here and below. */
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

/** A team as such, which may have no members. */
export type ImportedTeam = Pick<ImportedMembership, 'id' | 'name' | 'createdAt'>

export interface ImportedUser
  extends Pick<UserWithPassword, 'uuid' | 'email' | 'passwordHash' | 'role' | keyof ProfileChange> {
  readonly emailVerifiedAt: string | null
  readonly emailProof: 'holder' | 'claim' | 'mailbox' | null
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

/** The accounts of a batch, each address and UUID once, always in one order: two imports in different orders would wait for each other. */
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

/** Lists in a row of `given`, expanded beside the account that was added for it. */
const expanded = (list: string, columns: string) =>
  sql.raw(`added join given using (uuid), jsonb_to_recordset(given."${list}") as item(${columns})`)

const bytesOf = (name: string) => sql.raw(`decode(item."${name}", 'hex')`)

/**
 * Inserts accounts whose address and UUID are free, each with all that belongs to it, its audit event and its row of the security
 * log. Of two with the same address or UUID the first counts; an account that exists gets nothing.
 * @returns how many were inserted
 */
export async function insertUsers(
  db: Database,
  imported: readonly ImportedUser[],
  { actor, details }: Pick<LogCircumstances, 'actor' | 'details'>,
): Promise<number> {
  const ordered = inOrder(imported)
  const { projectId } = db
  const row = await first<{ created: number }>(
    db.queries.execute(sql`with given as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(ordered)}::text::jsonb) as given(uuid uuid, email text, "passwordHash" text,
        "emailVerifiedAt" timestamptz, "emailProof" text, "displayName" text, "firstName" text, "lastName" text, role text,
        provider text, locale text, metadata jsonb, "disabledAt" timestamptz, "deletionDueAt" timestamptz,
        "createdAt" timestamptz, totp jsonb, identities jsonb, passkeys jsonb, "recoveryCodes" jsonb, teams jsonb)),
    added as (
      insert into ${users} (uuid, project_id, email, password_hash, email_verified_at, email_proof, display_name, first_name,
        last_name, role, provider, locale, metadata, second_factors, disabled_at, deletion_due_at, created_at)
      select uuid, ${projectId}::uuid, email, "passwordHash", "emailVerifiedAt", "emailProof", "displayName", "firstName",
        "lastName", role, provider, locale, metadata, case when totp = 'null' or totp is null then '' else 'totp' end,
        "disabledAt", "deletionDueAt", coalesce("createdAt", now())
      from given on conflict do nothing returning project_id, id, uuid),
    linked as (insert into ${identities} (id, project_id, user_id, provider, issuer, subject, email, email_verified, created_at)
      select gen_random_uuid(), project_id, added.id, item.provider, item.issuer, item.subject, item.email,
        item."emailVerified", coalesce(item."createdAt", now())
      from ${expanded('identities', 'provider text, issuer text, subject text, email text, "emailVerified" boolean, "createdAt" timestamptz')}
      on conflict do nothing),
    keyed as (insert into ${passkeys} (id, project_id, user_id, credential_id, public_key, name, aaguid, transports,
        backup_eligible, backed_up, sign_count, created_at, last_used_at)
      select gen_random_uuid(), project_id, added.id, ${bytesOf('credentialId')}, ${bytesOf('publicKey')}, item.name, item.aaguid,
        item.transports, item."backupEligible", item."backedUp", item."signCount", coalesce(item."createdAt", now()), item."lastUsedAt"
      from ${expanded('passkeys', '"credentialId" text, "publicKey" text, name text, aaguid uuid, transports text, "backupEligible" boolean, "backedUp" boolean, "signCount" bigint, "createdAt" timestamptz, "lastUsedAt" timestamptz')}
      on conflict do nothing),
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
    select count(*)::int as created from added`) as unknown as PromiseLike<{ created: number }[]>,
  )
  return row?.created ?? 0
}

/** Lets a statement of this transaction take a minute: a batch on a busy machine is no reason to end an import. */
export async function allowLongStatement(db: Database): Promise<void> {
  await db.queries.execute(sql`set local statement_timeout = '60s'`)
}

/** How many accounts would not be inserted, because their address or UUID is taken. */
export async function countTakenUsers(
  db: Database,
  imported: readonly Pick<ImportedUser, 'email' | 'uuid'>[],
): Promise<number> {
  const keys = imported.map(({ email, uuid }) => ({ email, uuid }))
  return rowCount(
    db.queries.execute(sql`select 1 from jsonb_to_recordset(${JSON.stringify(keys)}::text::jsonb) as given(uuid uuid, email text)
      where exists (select from ${users} taken where taken.project_id = ${db.projectId}::uuid
        and (taken.email = given.email or taken.uuid = given.uuid))`),
  )
}

/** Inserts teams; those that exist stay as they are. @returns how many were inserted */
export function insertTeams(db: Database, imported: readonly ImportedTeam[]): Promise<number> {
  return rowCount(
    db.queries.execute(sql`insert into ${teams} (id, project_id, name, created_at)
      select distinct on (id) id, ${db.projectId}::uuid, name, coalesce("createdAt", now())
      from jsonb_to_recordset(${JSON.stringify(imported)}::text::jsonb) as given(id uuid, name text, "createdAt" timestamptz)
      order by id on conflict do nothing returning 1`),
  )
}

/** Analyzes the tables that an import fills. A role that may not is warned by the server, and nothing fails. */
export async function analyzeImportedTables(db: UnscopedDatabase): Promise<void> {
  await db.queries.execute(sql`analyze ${users}, ${identities}, ${auditEvents}, ${securityLog}`)
}
