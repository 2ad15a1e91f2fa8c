// Checks the database: server, clock, rights of the role, connections, migrations, signing keys and mail queue.
import type { Config } from '../config/config.ts'
import { deriveKey } from '../crypto/secrets.ts'
import { tablesWithHiddenRows } from '../database/backup.ts'
import { deriveLogins, loginState, loginUrl } from '../database/logins.ts'
import { migrationState, oldestServer } from '../database/migrations.ts'
import { openPool, type Sql } from '../database/pool.ts'
import { overprivilegedLogin } from '../database/pools.ts'
import { checkLogin } from '../database/row-level-security.ts'
import { checkSession } from '../database/session.ts'
import { readDatabaseUrl } from '../database-url/read.ts'
import { inspectSigningKeys } from '../domain/signing-keys/signing-keys.ts'
import { createStores, type Stores } from '../repositories/store.ts'
import { type Finding, findingsOn, reasonOf } from './finding.ts'
import { checkOldSystems } from './old-systems.ts'
import { checkOutbox, checkWebhooks } from './queues.ts'

/** Seconds by which the clocks may differ. */
const toleranceSeconds = 5

/** @param aheadSeconds how far the database's clock is ahead of this machine's */
export function clockVerdict(aheadSeconds: number): Finding {
  const { good, bad } = findingsOn('clock')
  const by = `${Math.abs(aheadSeconds).toFixed(1)} s`
  if (Math.abs(aheadSeconds) <= toleranceSeconds)
    return good`The clocks of this machine and the database differ by ${by}.`
  const which = aheadSeconds > 0 ? 'ahead of' : 'behind'
  return bad`The database's clock is ${by} ${which} this machine's, and tokens are checked by both. Let both follow NTP (timedatectl set-ntp true).`
}

/**
 * @param ours connections of one instance
 * @param limit connections that the server has for ordinary roles
 * @param taken connections that are open now
 */
export function connectionsVerdict(ours: number, limit: number, taken: number): Finding {
  const { good, warning, bad } = findingsOn('connections')
  const says = `An instance takes up to ${ours} of ${limit} connections, room for ${Math.floor(limit / ours)} instances; ${taken} are open now`
  if (ours > limit)
    return bad`${says}. Set DATABASE_CONNECTIONS lower, or max_connections of PostgreSQL higher.`
  if (taken > limit * 0.9)
    return warning`${says}: nearly all. Raise max_connections, or put PgBouncer in between.`
  return good`${says}.`
}

/**
 * @param pending migrations of this version that the database lacks
 * @param foreign number of its migrations that this version does not know
 */
export function migrationsVerdict(pending: readonly string[], foreign: number): Finding {
  const { good, warning, bad } = findingsOn('migrations')
  if (foreign > 0)
    return bad`The database has ${foreign} that this version does not know: a newer Sallyport has used it. Install that version.`
  if (pending.length > 0)
    return warning`${pending.length} not applied yet (${pending.join(', ')}). The next start applies them, or: npx . migrate`
  return good`All are applied.`
}

/** @param encoding a sentence where the database has another than UTF8. @param dropped settings that are not in force */
function sessionVerdict(encoding: string | null, dropped: readonly string[]): Finding {
  const { good, bad } = findingsOn('session')
  if (encoding) return bad`${encoding}`
  if (dropped.length > 0)
    return bad`Something between here and PostgreSQL drops the settings of the session: ${dropped.join(', ')}. Behind a pooler set DATABASE_POOLER=transaction, and set them for the role (alter role … set … = …).`
  return good`Encoding and settings are as the service needs them.`
}

async function checkServer(sql: Sql, config: Config): Promise<Finding[]> {
  const asked = Date.now()
  const [row] = await sql`select current_setting('server_version_num')::int as version,
    current_setting('server_version') as release, current_user as role, current_schema() as schema,
    extract(epoch from clock_timestamp())::float8 as now,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as room,
    (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as taken,
    current_setting('transaction_read_only') = 'on' as read_only,
    coalesce(has_schema_privilege(current_schema(), 'create'), true)
      and (has_database_privilege(current_database(), 'create')
        or to_regnamespace('drizzle') is not null and current_schema() is not null) as may_migrate`
  const half = (Date.now() - asked) / 2
  if (!row) throw new Error('The server gave no answer')
  const [database, role] = [findingsOn('database'), findingsOn('role')]
  const found = [
    Number(row.version) < oldestServer
      ? database.bad`PostgreSQL ${row.release} is too old: install 15 or later.`
      : database.good`PostgreSQL ${row.release} answers.`,
    clockVerdict(Number(row.now) - (asked + half) / 1000),
  ]
  const { encoding, standby, dropped } = await checkSession(
    sql,
    config.databaseUrl ? readDatabaseUrl(config.databaseUrl).schema : null,
  )
  found.push(sessionVerdict(encoding, dropped))
  if (standby) found.push(role.bad`${standby}`)
  else if (row.read_only)
    found.push(
      role.bad`Transactions are read only (default_transaction_read_only): the server's operator has stopped writes. Look at its disk, then: alter database … reset default_transaction_read_only;`,
    )
  else if (row.may_migrate) found.push(role.good`The role ${row.role} has the rights that migrations need.`)
  else
    found.push(
      role.warning`The role ${row.role} may not create schemas and tables, which migrations need. Run: grant create on database … to ${row.role}; grant create on schema ${row.schema} to ${row.role};`,
    )
  if (!config.databasePooled) {
    const ours = config.workers * (config.databaseConnections + (config.sessionCache ? 1 : 0))
    found.push(connectionsVerdict(ours, Number(row.room), Number(row.taken)))
  }
  return found
}

/** Checks the role that the service logs in as, and whether it has more rights than needed. */
async function checkServiceLogin(
  sql: Sql,
  url: string,
  { databasePooled, databaseOwnerUrl }: Config,
  secrets: readonly string[],
): Promise<Finding> {
  const { good, warning } = findingsOn('login')
  const [newest, ...older] = secrets
  if (newest && !databasePooled && databaseOwnerUrl === null) {
    const logins = deriveLogins(url, [newest, ...older])
    const state = await loginState(sql, logins)
    if (state === 'missing') return good`The next start makes logins for the service that own nothing.`
    if (state === 'ready') {
      const name = 'sallyport-doctor'
      const service = openPool(loginUrl(url, logins.service), { connections: 1, name, waitMs: 2000 })
      try {
        await service`select 1`
        return good`The service logs in as ${logins.service.name}, which owns nothing and can become nothing else.`
      } catch (error) {
        return warning`${overprivilegedLogin} (${logins.service.name}: ${reasonOf(error)})`
      } finally {
        await service.end({ timeout: 1 })
      }
    }
  }
  if ((await checkLogin(sql)).isOverprivileged) return warning`${overprivilegedLogin}`
  return good`The service logs in as the role of DATABASE_URL, which owns nothing.`
}

/** Whether a backup by the role that migrates would have every row: by `npx . backup`, and by pg_dump. */
async function checkBackup(sql: Sql): Promise<Finding> {
  const { good, warning } = findingsOn('backup')
  const { ours, pgDump } = await tablesWithHiddenRows(sql)
  if (ours.length > 0)
    return warning`The role of DATABASE_URL does not see every row of ${ours.join(', ')}, so neither npx . backup nor pg_dump by it is whole. Set DATABASE_MIGRATION_URL to the URL of the tables' owner.`
  if (pgDump.length > 0)
    return good`npx . backup writes everything. pg_dump by this role does not: it ends with an error, and with --enable-row-security it leaves rows out. Dump as a superuser or a role with bypassrls.`
  return good`npx . backup and pg_dump by this role write everything.`
}

async function checkKeys(stores: Stores, secrets: readonly string[]): Promise<Finding> {
  const { good, warning, bad } = findingsOn('signing keys')
  const [newest, ...older] = secrets.map((secret) => deriveKey(Buffer.from(secret, 'utf8'), 'seal'))
  if (!newest) return warning`There is no master secret yet, so no key can be opened.`
  const found = await inspectSigningKeys({ stores, keys: { sealing: [newest, ...older] } })
  const closed = found.filter(({ opens }) => opens === 'never').length
  const onlyPrevious = found.filter(({ opens }) => opens === 'previous').length
  const current = found.find(({ state }) => state === 'current')
  if (closed > 0)
    return bad`SECRET_KEY is not the secret under which ${closed} of ${found.length} were sealed. Set the old one as SECRET_KEY, or as SECRET_KEY_PREVIOUS beside the new one.`
  if (!current) return good`There are none yet; the first start makes them.`
  const says = `The current one has signed for ${Math.round(current.secondsInState / 86_400)} days`
  if (onlyPrevious > 0)
    return warning`${says}; ${onlyPrevious} open only with SECRET_KEY_PREVIOUS. Run: npx . keys reseal`
  return good`${says}; all of them open.`
}

/** @param url of the database to check. @param secrets master secrets, newest first */
export async function checkDatabase(
  url: string,
  config: Config,
  secrets: readonly string[],
): Promise<Finding[]> {
  const waits = { answerMs: 2000, waitMs: 2000, pooled: config.databasePooled }
  const sql = openPool(url, { connections: 2, name: 'sallyport-doctor', ...waits })
  // Before the first statement: it sets how the pool's connections write JSON.
  const stores = createStores(sql)
  const unreadable = (check: string) => (error: unknown) =>
    findingsOn(check).bad`Cannot be read: ${reasonOf(error)}.`
  try {
    const found = await checkServer(sql, config)
    const { pending, foreign } = await migrationState(sql)
    found.push(migrationsVerdict(pending, foreign))
    // The statements below read tables of this version's schema.
    if (pending.length > 0) return found
    const tried = await Promise.all([
      checkServiceLogin(sql, url, config, secrets).catch(unreadable('login')),
      config.databaseOwnerUrl ? [] : checkBackup(sql).catch(unreadable('backup')),
      checkKeys(stores, secrets).catch(unreadable('signing keys')),
      checkOutbox(stores).catch(unreadable('outbox')),
      checkWebhooks(stores).catch(unreadable('webhooks')),
      checkOldSystems(stores, config).catch(unreadable('old system')),
    ])
    return [...found, ...tried.flat()]
  } catch (error) {
    const { bad } = findingsOn('database')
    return [
      bad`It cannot be used: ${reasonOf(error)}. Check that it runs, that DATABASE_URL is right, and that this machine may connect.`,
    ]
  } finally {
    await sql.end({ timeout: 1 })
  }
}
