// The wall between projects, kept by the database: row-level security on every table that has a project_id, behind the
// repositories' own filter. A connection sees the rows of the project that it wears, and without one it sees none.
//
// The service works as a role that owns nothing and cannot get around the policies. What belongs to no project (the
// courier, the sweeper, projects, signing keys) has connections of its own, which stay the owner's. Where the owner may
// make no roles it plays both parts: the policies hold for it too (FORCE), and `sallyport.everywhere` tells the parts apart.
import type { Sql } from 'postgres'

/** The setting that holds the id of the project whose rows may be seen. */
export const projectSetting = 'sallyport.project'
/** The setting with which the owner's housekeeping sees every row; the service's role cannot use it. */
export const everywhereSetting = 'sallyport.everywhere'
/** Of a whole cluster, like every role; what it may do is said for each database. */
export const serviceRole = 'sallyport_service'

/** The tables behind the wall. */
const walled = `select c.oid, c.relname, c.relrowsecurity and c.relforcerowsecurity
    and (select count(*) = 2 from pg_policy where polrelid = c.oid and polname in ('project_wall', 'housekeeping')) as stands
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`

const isThere = (role: string) => `exists (select from pg_roles where rolname = ${role})`

/** Whether this session may become the service's role. Since version 16 that is a right of its own. */
const mayBecome = `${isThere(`'${serviceRole}'`)} and pg_has_role('${serviceRole}',
  case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)`

/** How the service is to connect. */
export interface Walls {
  /** The role that its connections become; null: they stay who they are. */
  readonly role: string | null
  /** Whether nothing stands between the projects but our own filters. */
  readonly open: boolean
  /** Whether it would see nothing of what belongs to every project: it is neither the owner nor known to it. */
  readonly outside: boolean
}

/** In: a connection as the service connects. Out: what it must become for the walls to hold for it. */
export async function approachWalls(sql: Sql): Promise<Walls> {
  const [me] = await sql.unsafe(`select ${mayBecome} as may, rolsuper or rolbypassrls as bypasses,
      not exists (select from pg_policy, unnest(polroles) as known
        where polrelid = 'public.users'::regclass and polname = 'housekeeping' and pg_has_role(known, 'MEMBER')) as outside
    from pg_roles where rolname = current_user`)
  return {
    role: me?.may ? serviceRole : null,
    open: !me?.may && me?.bypasses !== false,
    outside: !me?.bypasses && me?.outside,
  }
}

/** Whether every table of a project has its wall and the service may work behind it. In: as for raising it. */
export async function wallsStand(sql: Sql, serviceLogin: string | null): Promise<boolean> {
  const [who] = await sql.unsafe(
    `select $1::text is null and not ${isThere('$2')} and (rolsuper or rolcreaterole) as missing,
      case when $1 is not null then $1 when ${mayBecome} then $2 end as worker
      from pg_roles where rolname = current_user`,
    [serviceLogin, serviceRole],
  )
  if (who?.missing) return false
  const [found] = await sql.unsafe(
    `select coalesce(bool_and(stands and ($1::text is null or has_table_privilege($1, oid, 'DELETE'))), true) as stand
      from (${walled}) as tables`,
    [who?.worker],
  )
  return found?.stand === true
}

/**
 * Raises the wall around every table of a project, new ones included, and grants the service what it needs behind it. In:
 * the owner's connection, in a transaction under the lock of the migrations; who DATABASE_URL says the service is, where
 * that is not the owner (null: it is).
 */
export async function raiseWalls(sql: Sql, serviceLogin: string | null): Promise<void> {
  await sql.unsafe(`do $walls$
    declare
      subject record;
    begin
      -- Roles belong to the cluster: another database's migration may make this one at the same moment.
      begin
        if not ${isThere(`'${serviceRole}'`)} then
          create role ${serviceRole} nologin;
        end if;
      exception when duplicate_object or unique_violation or insufficient_privilege then null;
      end;
      begin
        if ${isThere(`'${serviceRole}'`)} and not (${mayBecome}) then
          grant ${serviceRole} to current_user;
        end if;
      exception when insufficient_privilege or invalid_grant_operation or internal_error then null;
      end;
      for subject in select * from (${walled}) as tables where not stands loop
        execute format('alter table public.%I enable row level security, force row level security', subject.relname);
        execute format('drop policy if exists project_wall on public.%I', subject.relname);
        execute format('drop policy if exists housekeeping on public.%I', subject.relname);
        execute format('create policy project_wall on public.%I using
          (project_id = nullif(current_setting(''${projectSetting}'', true), '''')::uuid)', subject.relname);
        execute format('create policy housekeeping on public.%I to current_user using
          (current_setting(''${everywhereSetting}'', true) = ''on'')', subject.relname);
      end loop;
      if ${mayBecome} then
        grant usage on schema public, drizzle to ${serviceRole};
        grant select on drizzle.__drizzle_migrations to ${serviceRole};
        grant usage on all sequences in schema public to ${serviceRole};
        for subject in ${walled} loop
          execute format('grant select, insert, update, delete on public.%I to ${serviceRole}', subject.relname);
        end loop;
      end if;
    end
  $walls$`)
  if (serviceLogin !== null) await admit(sql, serviceLogin)
}

/** Lets a login that owns nothing be the service and its housekeeping. */
async function admit(sql: Sql, login: string): Promise<void> {
  const [names] = await sql.unsafe(
    `select quote_ident($1) as login, ${isThere(`'${serviceRole}'`)}
      and pg_has_role('${serviceRole}', 'MEMBER WITH ADMIN OPTION') as service`,
    [login],
  )
  const name = names?.login as string
  await sql.unsafe(`grant usage on schema public, drizzle to ${name};
    grant select, insert, update, delete on all tables in schema public to ${name};
    grant select on all tables in schema drizzle to ${name};
    grant usage on all sequences in schema public to ${name}`)
  for (const { relname } of await sql.unsafe(
    `select quote_ident(relname) as relname from (${walled}) as tables`,
  ))
    await sql.unsafe(`alter policy housekeeping on public.${relname} to current_user, ${name}`)
  if (names?.service) await sql.unsafe(`grant ${serviceRole} to ${name}`)
}
