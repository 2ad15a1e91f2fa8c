// What can be said of the database: whether it answers, what it lets us do, how far its schema is, its clock, its keys, its mail.
import type { Config } from '../config.ts'
import { deriveKey } from '../crypto/secrets.ts'
import { migrationState, oldestServer } from '../database/migrations.ts'
import { openPool, type Sql } from '../database/pool.ts'
import { createSigningKeys } from '../domain/signing-keys.ts'
import { createStore } from '../repositories/store.ts'
import { bad, type Finding, good, reasonOf, warning } from './finding.ts'

/** Seconds by which the clocks may differ. */
const bearableSeconds = 5

/** In: seconds that the database's clock is ahead of ours. */
export function clockVerdict(aheadSeconds: number): Finding {
  const by = `${Math.abs(aheadSeconds).toFixed(1)} s`
  if (Math.abs(aheadSeconds) <= bearableSeconds)
    return good('clock', `The clocks of this machine and the database differ by ${by}.`)
  const which = aheadSeconds > 0 ? 'ahead of' : 'behind'
  return bad(
    'clock',
    `The database's clock is ${by} ${which} this machine's: tokens are judged by both. Let both follow NTP (timedatectl set-ntp true).`,
  )
}

/** In: connections of one instance, how many the server has for ordinary roles, how many are taken now. */
export function connectionsVerdict(ours: number, limit: number, taken: number): Finding {
  const says = `an instance takes up to ${ours} of ${limit} connections, room for ${Math.floor(limit / ours)} instances; ${taken} are open now`
  if (ours > limit)
    return bad(
      'connections',
      `${says}. Set DATABASE_CONNECTIONS lower, or max_connections of PostgreSQL higher.`,
    )
  if (taken > limit * 0.9)
    return warning('connections', `${says}: nearly all. Raise max_connections, or put PgBouncer in between.`)
  return good('connections', `${says}.`)
}

/** In: migrations of this version that the database lacks, and those that it has and this version does not know. */
export function migrationsVerdict(pending: readonly string[], foreign: number): Finding {
  if (foreign > 0)
    return bad(
      'migrations',
      `The database has ${foreign} that this version does not know: a newer Sallyport has used it. Install that one.`,
    )
  if (pending.length > 0)
    return warning(
      'migrations',
      `${pending.length} not applied yet (${pending.join(', ')}). The next start does it, or: npx . migrate`,
    )
  return good('migrations', 'All are applied.')
}

async function server(sql: Sql, config: Config): Promise<Finding[]> {
  const asked = Date.now()
  const [row] = await sql`select current_setting('server_version_num')::int as version,
    current_setting('server_version') as release, current_user as role,
    extract(epoch from clock_timestamp())::float8 as now,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as room,
    (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as taken,
    current_setting('transaction_read_only') = 'on' as read_only,
    has_database_privilege(current_database(), 'create') as may_create,
    has_schema_privilege('public', 'create') as may_create_tables`
  const half = (Date.now() - asked) / 2
  if (!row) throw new Error('The server gave no answer')
  const found = [
    Number(row.version) < oldestServer
      ? bad('database', `PostgreSQL ${row.release} is too old: Sallyport needs 15 or later.`)
      : good('database', `PostgreSQL ${row.release} answers.`),
    clockVerdict(Number(row.now) - (asked + half) / 1000),
  ]
  if (row.read_only)
    found.push(
      bad('role', 'The database takes no writes: DATABASE_URL leads to a replica. Point it to the primary.'),
    )
  else if (!row.may_create || !row.may_create_tables)
    found.push(
      warning(
        'role',
        `The role ${row.role} may not create schemas and tables, which migrations need. Say: grant create on database … to ${row.role}; grant create on schema public to ${row.role};`,
      ),
    )
  else found.push(good('role', `The role ${row.role} may do what migrations need.`))
  if (!config.databasePooled) {
    const listening = config.sessionCache ? 1 : 0
    const ours = config.workers * (config.databaseConnections + listening)
    found.push(connectionsVerdict(ours, Number(row.room), Number(row.taken)))
  }
  return found
}

type Store = ReturnType<typeof createStore>

async function keys(store: Store, secrets: readonly string[]): Promise<Finding> {
  const [newest, ...older] = secrets.map((secret) => deriveKey(Buffer.from(secret, 'utf8'), 'seal'))
  if (!newest) return warning('signing keys', 'No secret is kept yet, so none can be opened.')
  const found = await createSigningKeys(store, [newest, ...older]).inspect()
  const closed = found.filter(({ opens }) => opens === 'never').length
  const older_ = found.filter(({ opens }) => opens === 'previous').length
  const current = found.find(({ state }) => state === 'current')
  if (closed > 0)
    return bad(
      'signing keys',
      `SECRET_KEY is not the secret that ${closed} of ${found.length} were sealed under. Set the old one as SECRET_KEY, or as SECRET_KEY_PREVIOUS beside the new one.`,
    )
  if (!current) return good('signing keys', 'None yet; the first start makes them.')
  const says = `The current one signs for ${Math.round(current.secondsInState / 86_400)} days`
  if (older_ > 0)
    return warning(
      'signing keys',
      `${says}; ${older_} open with SECRET_KEY_PREVIOUS alone. Say: npx . keys reseal`,
    )
  return good('signing keys', `${says}; all of them open.`)
}

/** In: mail that is owed and was given up, and the age of the oldest that is owed. */
export function outboxVerdict({
  owed,
  dead,
  oldestSeconds,
}: {
  owed: number
  dead: number
  oldestSeconds: number
}) {
  if (dead > 0)
    return warning(
      'outbox',
      `${dead} mails were given up. See: npx . mail list --dead, then: npx . mail retry --all-dead`,
    )
  if (oldestSeconds > 600)
    return warning(
      'outbox',
      `${owed} mails are owed, one for ${Math.round(oldestSeconds / 60)} minutes. See: npx . mail list`,
    )
  return good('outbox', `${owed} mails are owed, none was given up.`)
}

/** Looks at the database of `url`. In: master secrets, newest first. */
export async function database(url: string, config: Config, secrets: readonly string[]): Promise<Finding[]> {
  const pooled = config.databasePooled
  const sql = openPool(url, {
    connections: 2,
    name: 'sallyport-doctor',
    answerMs: 2000,
    waitMs: 2000,
    pooled,
  })
  // Before the first statement: it teaches the pool's connections how to write JSON.
  const store = createStore(sql)
  try {
    const found = await server(sql, config)
    const state = await migrationState(sql)
    found.push(migrationsVerdict(state.pending, state.foreign))
    // What the statements below read exists in a schema of this version alone.
    if (state.pending.length > 0) return found
    const tried = [keys(store, secrets), store.everywhere.mailroom.standing().then(outboxVerdict)].map(
      (check, place) =>
        check.catch((error) =>
          bad(place === 0 ? 'signing keys' : 'outbox', `Cannot be read: ${reasonOf(error)}.`),
        ),
    )
    return [...found, ...(await Promise.all(tried))]
  } catch (error) {
    return [
      bad(
        'database',
        `It cannot be used: ${reasonOf(error)}. Check that it runs, that DATABASE_URL is right, and that this machine may connect.`,
      ),
    ]
  } finally {
    await sql.end({ timeout: 1 })
  }
}
