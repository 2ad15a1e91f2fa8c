// Row-level security on every table that has a project_id, behind the repositories' own filter: a session sees the rows of
// the project that it is set to, and without one none.
//
// The service logs in as a role that owns nothing and cannot bypass the policies (logins.ts). Statements of no project (jobs,
// projects, signing keys) have connections of their own. Commands, and a service without such a role, log in as the role of the
// URL and take the role `sallyport_service` where they may. The policies apply to the owner as well (FORCE), and the setting
// `sallyport.everywhere` marks the unscoped connections.
import type { Sql } from 'postgres'
import { journalSchema } from './session.ts'

/** The setting that holds the id of the project whose rows may be seen. */
export const projectSetting = 'sallyport.project'
/** The setting with which the owner's unscoped connections see every row; it does nothing for the service's role. */
export const unscopedSetting = 'sallyport.everywhere'
/** Belongs to the whole cluster, like every role; its privileges are granted in each database. */
export const serviceRole = 'sallyport_service'

/** The tables with a project_id, whether their policies are complete, and whether the service may only add rows. */
export const scopedTables = `select c.oid, c.relname, c.relrowsecurity and c.relforcerowsecurity
    and (select count(*) = 2 from pg_policy where polrelid = c.oid and polname in ('project_wall', 'housekeeping')) as complete,
    c.relname in ('security_log', 'security_log_chains') as append_only
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
  where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relkind in ('r', 'p')`

/**
 * A statement of PL/pgSQL that grants a role of the service what it needs on `subject`, a row of `scopedTables`. Rows of the
 * security log are added by the service, and changed or deleted by unscoped connections alone: sealing and retention.
 */
export const grantTable = (
  role: string,
) => `execute format('grant select, insert, update, delete on %I to ${role}',
            subject.relname);
          if subject.append_only then
            execute format('revoke update, delete on %I from ${role}', subject.relname);
          end if;`

/** A condition: whether a role of this name exists. */
export const roleExists = (role: string) => `exists (select from pg_roles where rolname = ${role})`

/** Whether this session may take the service's role. Since version 16 that is a right of its own. */
const maySetRole = `${roleExists(`'${serviceRole}'`)} and pg_has_role('${serviceRole}',
  case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)`

/** What the login of DATABASE_URL may do. */
export interface LoginCheck {
  /** The role that the service's connections are to take; null: they stay the login's. */
  readonly role: string | null
  /** True where the policies do not apply to the service: only the filters of the repositories separate projects. */
  readonly bypassesPolicies: boolean
  /** True where it is a superuser, may bypass the policies, or owns the tables: more rights than the service needs. */
  readonly isOverprivileged: boolean
  /** True where no policy names the login or a role of it: unscoped statements would see no row. */
  readonly lacksPolicy: boolean
}

/** Checks the login of a connection. @param sql a connection as the service connects */
export async function checkLogin(sql: Sql): Promise<LoginCheck> {
  const [me] = await sql.unsafe(`select ${maySetRole} as may, rolsuper or rolbypassrls as bypasses,
      rolsuper or rolbypassrls or rolcreaterole or exists (select from pg_class
        where oid = 'users'::regclass and pg_has_role(relowner, 'MEMBER')) as overprivileged,
      not exists (select from pg_policy, unnest(polroles) as known
        where polrelid = 'users'::regclass and polname = 'housekeeping' and pg_has_role(known, 'MEMBER')) as unnamed
    from pg_roles where rolname = current_user`)
  return {
    role: me?.may ? serviceRole : null,
    isOverprivileged: me?.overprivileged !== false,
    bypassesPolicies: !me?.may && me?.bypasses !== false,
    lacksPolicy: !me?.bypasses && me?.unnamed,
  }
}

/** Whether the policies and grants of `applyPolicies` are complete. Parameters as there. */
export async function arePoliciesApplied(sql: Sql, serviceLogin: string | null): Promise<boolean> {
  const [who] = await sql.unsafe(
    `select $1::text is null and not ${roleExists('$2')} and (rolsuper or rolcreaterole) as missing,
      case when $1 is not null then $1 when ${maySetRole} then $2 end as worker
      from pg_roles where rolname = current_user`,
    [serviceLogin, serviceRole],
  )
  if (who?.missing) return false
  const [found] = await sql.unsafe(
    `select coalesce(bool_and(complete and ($1::text is null
        or has_table_privilege($1, oid, 'DELETE') = ($1 <> '${serviceRole}' or not append_only))), true) as applied
      from (${scopedTables}) as tables`,
    [who?.worker],
  )
  return found?.applied === true
}

/**
 * Creates the policies of every table of a project, new ones included, and grants the service's role what it needs.
 * @param sql the owner's connection, in a transaction under the lock of the migrations
 * @param serviceLogin the role of DATABASE_URL where that is not the owner; null: it is
 */
export async function applyPolicies(sql: Sql, serviceLogin: string | null): Promise<void> {
  await sql.unsafe(`do $policies$
    declare
      subject record;
    begin
      -- Roles belong to the cluster: another database's migration may make this one at the same moment.
      begin
        if not ${roleExists(`'${serviceRole}'`)} then
          create role ${serviceRole} nologin;
        end if;
      exception when duplicate_object or unique_violation or insufficient_privilege then null;
      end;
      begin
        if ${roleExists(`'${serviceRole}'`)} and not (${maySetRole}) then
          grant ${serviceRole} to current_user;
        end if;
      exception when insufficient_privilege or invalid_grant_operation or internal_error then null;
      end;
      for subject in select * from (${scopedTables}) as tables where not complete loop
        execute format('alter table %I enable row level security, force row level security', subject.relname);
        execute format('drop policy if exists project_wall on %I', subject.relname);
        execute format('drop policy if exists housekeeping on %I', subject.relname);
        execute format('create policy project_wall on %I using
          (project_id = nullif(current_setting(''${projectSetting}'', true), '''')::uuid)', subject.relname);
        execute format('create policy housekeeping on %I to current_user using
          (current_setting(''${unscopedSetting}'', true) = ''on'')', subject.relname);
      end loop;
      if ${maySetRole} then
        execute format('grant usage on schema %I, %I to ${serviceRole}', current_schema(), ${journalSchema});
        execute format('grant select on %I.__drizzle_migrations to ${serviceRole}', ${journalSchema});
        execute format('grant usage on all sequences in schema %I to ${serviceRole}', current_schema());
        for subject in ${scopedTables} loop
          ${grantTable(serviceRole)}
        end loop;
      end if;
    end
  $policies$`)
  if (serviceLogin !== null) await grantLogin(sql, serviceLogin)
}

/** Grants a login that owns nothing what the service and its unscoped connections need. */
async function grantLogin(sql: Sql, login: string): Promise<void> {
  const [names] = await sql.unsafe(
    `select quote_ident($1) as login, quote_ident(current_schema()) as tables,
      quote_ident(${journalSchema}) as journal, ${roleExists(`'${serviceRole}'`)}
      and pg_has_role('${serviceRole}', 'MEMBER WITH ADMIN OPTION') as service`,
    [login],
  )
  const name = names?.login as string
  const [tables, journal] = [names?.tables, names?.journal]
  await sql.unsafe(`grant usage on schema ${tables}, ${journal} to ${name};
    grant select on all tables in schema ${journal} to ${name};
    grant select, insert, update, delete on all tables in schema ${tables} to ${name};
    revoke insert, update, delete on ${journal}.__drizzle_migrations from ${name};
    grant usage on all sequences in schema ${tables} to ${name}`)
  for (const { relname } of await sql.unsafe(
    `select quote_ident(relname) as relname from (${scopedTables}) as tables`,
  ))
    await sql.unsafe(`alter policy housekeeping on ${relname} to current_user, ${name}`)
  if (names?.service) await sql.unsafe(`grant ${serviceRole} to ${name}`)
}
