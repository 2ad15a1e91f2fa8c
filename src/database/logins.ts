// The roles that the service logs in as: one for statements of a project, one for those of no project. They are not superusers, own
// nothing and are members of no role, so no statement (SET ROLE, RESET ROLE) gives them more rights.
//
// Names and passwords are derived from the master secret and the database, so every instance knows them and none is stored. While
// the secret is being replaced, old and new instances use different logins; afterwards the old logins are disabled.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type { Sql } from 'postgres'
import { readDatabaseUrl } from '../database-url/read.ts'
import { grantTable, roleExists, scopedTables } from './row-level-security.ts'
import { journalSchema } from './session.ts'

/** A role and its password. */
export interface Login {
  readonly name: string
  readonly password: string
}

/** The logins for one database and master secret. */
export interface Logins {
  /** For the rows of one project at a time. */
  readonly service: Login
  /** For rows of no project, or of any. */
  readonly unscoped: Login
  /** Names of every login that may be in use: those of the previous secret as well. */
  readonly known: readonly string[]
  /** Prefixes of the names of all logins for this database, of any secret. */
  readonly prefixes: readonly [string, string]
}

const hex = (bytes: Buffer) => bytes.subarray(0, 4).toString('hex')

/**
 * Derives the logins.
 * @param url of the database, as the owner connects
 * @param secrets master secrets, newest first
 */
export function deriveLogins(url: string, secrets: readonly [string, ...string[]]): Logins {
  const { database: named, user, schema } = readDatabaseUrl(url)
  const database = `${named ?? user}${schema === null ? '' : `\0${schema}`}`
  const tag = hex(createHash('sha256').update(database).digest())
  const prefixes = [`sallyport_service_${tag}_`, `sallyport_jobs_${tag}_`] as const
  const derive = (secret: string, use: string) =>
    createHmac('sha256', secret).update(`database login\0${use}\0${database}`).digest()
  const loginFor = (secret: string, prefix: string): Login => ({
    name: `${prefix}${hex(derive(secret, 'name'))}`,
    password: derive(secret, prefix).toString('base64url'),
  })
  const [service, unscoped] = prefixes.map((prefix) => loginFor(secrets[0], prefix)) as [Login, Login]
  const known = secrets.flatMap((secret) => prefixes.map((prefix) => loginFor(secret, prefix).name))
  return { service, unscoped, known, prefixes }
}

/** The URL with another login. */
export function loginUrl(url: string, { name, password }: Login): string {
  const [, scheme = '', rest = ''] = /^([a-z]+:\/\/)(?:[^/?]*@)?(.*)$/is.exec(url) ?? []
  const [place = '', query = ''] = rest.split(/\?(.*)/s)
  const settings = query.split('&').filter((pair) => pair !== '' && !/^(?:user|password)=/i.test(pair))
  return `${scheme}${name}:${password}@${place}${settings.length > 0 ? `?${settings.join('&')}` : ''}`
}

/** A condition on pg_roles: the logins of secrets that are no longer in use. */
const outdated = ({ known, prefixes }: Logins) =>
  `(${prefixes.map((prefix) => `starts_with(rolname, '${prefix}')`).join(' or ')}) and rolcanlogin
    and rolname not in (${known.map((name) => `'${name}'`).join(', ')})`

/**
 * Whether the logins have everything they need.
 * @returns impossible: they do not exist, and this role may not create them
 */
export async function loginState(sql: Sql, logins: Logins): Promise<'ready' | 'missing' | 'impossible'> {
  const { service, unscoped } = logins
  const [found] = await sql.unsafe(`select
      ${roleExists(`'${service.name}'`)} and ${roleExists(`'${unscoped.name}'`)} as present,
      (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as may_create,
      exists (select from pg_roles where ${outdated(logins)}) as outdated`)
  if (!found?.present) return found?.may_create ? 'missing' : 'impossible'
  if (found.outdated && found.may_create) return 'missing'
  const [granted] = await sql.unsafe(
    `select coalesce(bool_and(has_table_privilege($1, oid, 'DELETE') <> append_only and exists (select from pg_policy
        where polrelid = tables.oid and polname = 'housekeeping' and $2::regrole = any(polroles))), true)
      and coalesce((select bool_and(has_table_privilege($2, oid, 'DELETE')) from pg_class
        where relnamespace = to_regnamespace(quote_ident(current_schema())) and relkind in ('r', 'p')
          and relname <> '__drizzle_migrations'), true) as complete
      from (${scopedTables}) as tables`,
    [service.name, unscoped.name],
  )
  return granted?.complete ? 'ready' : found.may_create ? 'missing' : 'impossible'
}

/**
 * Creates the logins and grants them what they need, or changes nothing where this role may not.
 * @param sql the owner's connection, in a transaction under the lock of the migrations, after `applyPolicies`
 */
export async function applyLogins(sql: Sql, logins: Logins): Promise<void> {
  const { service, unscoped } = logins
  const both = `${service.name}, ${unscoped.name}`
  const create = ({ name, password }: Login) => `if not ${roleExists(`'${name}'`)} then
      create role ${name} login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls
        password '${scramVerifier(password)}';
    end if;`
  await sql.unsafe(`do $logins$
    declare
      subject record;
    begin
      ${create(service)}
      ${create(unscoped)}
      begin
        execute format('grant connect on database %I to ${both}', current_database());
      exception when insufficient_privilege then null;
      end;
      execute format('grant usage on schema %I, %I to ${both}', current_schema(), ${journalSchema});
      execute format('grant usage on all sequences in schema %I to ${both}', current_schema());
      execute format('grant select, insert, update, delete on all tables in schema %I to ${unscoped.name}', current_schema());
      execute format('revoke all on %I.__drizzle_migrations from ${both}', ${journalSchema});
      execute format('grant select on %I.__drizzle_migrations to ${both}', ${journalSchema});
      for subject in ${scopedTables} loop
        ${grantTable(service.name)}
        execute format('alter policy housekeeping on %I to %s', subject.relname, (
          select string_agg(distinct quote_ident(rolname), ', ') from pg_roles where rolname = '${unscoped.name}'
            or oid = any((select polroles from pg_policy where polrelid = subject.oid and polname = 'housekeeping')::oid[])));
      end loop;
      for subject in select rolname from pg_roles where ${outdated(logins)} loop
        execute format('alter role %I nologin', subject.rolname);
      end loop;
    exception when insufficient_privilege then null;
    end
  $logins$`)
}

/** The SCRAM verifier of a password (RFC 5803), so that the password itself is in no statement and no server log. */
function scramVerifier(password: string): string {
  const iterations = 4096
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyed('Server Key').toString('base64')}`
}
