// Promises a cluster that is either whole or not there: made aside, with its role, password and database, then renamed.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Account, type Binaries, environment } from './embedded-binaries.ts'
import { EmbeddedDatabaseError } from './embedded-error.ts'
import { readText, renameForGood, writeWhole } from './embedded-files.ts'
import { lastLines, openLog } from './embedded-log.ts'

/** What it takes to make or open the cluster of a data directory. */
export interface ClusterNeeds {
  dataDir: string
  account: Account
  binaries: Binaries
  settings: Record<string, string>
  say: (line: string) => void
}

/**
 * The user for the server: PostgreSQL refuses to run as root, so root lends it to the owner of the cluster,
 * else to `postgres`, else to `nobody`. Null for an ordinary user. Throws EmbeddedDatabaseError if the cluster
 * belongs to somebody else or root finds no such user.
 */
export function databaseAccount(dataDir: string): Account {
  const cluster = join(dataDir, 'postgres')
  const owner = statSync(cluster, { throwIfNoEntry: false })
  const me = process.getuid?.()
  if (me !== 0) {
    if (!owner || owner.uid === me) return null
    throw new EmbeddedDatabaseError(
      `The database ${cluster} belongs to user id ${owner.uid}, this process is user id ${me}. ` +
        'Run Sallyport as that user or as root, or choose another directory with DATA_DIR.',
    )
  }
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  if (owner) {
    throw new EmbeddedDatabaseError(
      `The database ${cluster} belongs to root, and PostgreSQL refuses to run as root. ` +
        `Give it to another user: chown -R nobody ${cluster}`,
    )
  }
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (user) return { uid: Number(user[2]), gid: Number(user[3]) }
  throw new EmbeddedDatabaseError(
    'PostgreSQL refuses to run as root, and this system has neither a user postgres nor nobody. ' +
      'Run Sallyport as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
  )
}

/**
 * Opens `<dataDir>/postgres`, making it first where there is none; a password file that is missing is replaced
 * and the password of the role with it. Throws EmbeddedDatabaseError for a cluster of another major version.
 */
export async function openCluster(needs: ClusterNeeds): Promise<{ cluster: string; password: string }> {
  const { dataDir, account, binaries, say } = needs
  const cluster = join(dataDir, 'postgres')
  const unfinished = /^postgres\.(new-|(json|password|copy)\.[0-9a-f]{12}$)/
  for (const name of readdirSync(dataDir).filter((name) => unfinished.test(name))) {
    rmSync(join(dataDir, name), { recursive: true, force: true, maxRetries: 5 })
  }
  const known = readPassword(dataDir)
  const password = known ?? randomBytes(32).toString('hex')
  if (!existsSync(cluster)) {
    say('Preparing the embedded PostgreSQL (first start, a few seconds)…')
    // A name of its own: an initdb that outlived its killed parent may still be writing to the last one.
    const draft = join(dataDir, `postgres.new-${randomBytes(6).toString('hex')}`)
    mkdirSync(draft, { mode: 0o700 })
    if (account) chownSync(draft, account.uid, account.gid)
    await initialise(needs, draft)
    await singleUser(needs, draft, [setPassword(password), 'CREATE DATABASE sallyport'])
    if (known === null) writeWhole(passwordFile(dataDir), password)
    renameForGood(draft, cluster)
    return { cluster, password }
  }
  const major = readText(join(cluster, 'PG_VERSION'))?.trim() ?? 'of an unknown version'
  if (major !== binaries.major) {
    throw new EmbeddedDatabaseError(
      `The database ${cluster} was made by PostgreSQL ${major}, and this Sallyport comes with ${binaries.major}. ` +
        'Move its data with pg_dump and the Sallyport that made it, or choose another directory with DATA_DIR.',
    )
  }
  if (known === null) {
    await singleUser(needs, cluster, [setPassword(password)])
    writeWhole(passwordFile(dataDir), password)
  }
  return { cluster, password }
}

/** The password of the role, or null where none is kept. */
export function readPassword(dataDir: string): string | null {
  return readText(passwordFile(dataDir))?.trim() || null
}

/**
 * The path by which the database's user reaches its cluster. Below a directory that only root enters it is the
 * working directory it was born in: that link of /proc is followed without a search of the directories above.
 */
export function pathFor(account: Account, cluster: string): string {
  return account && process.platform === 'linux' ? '/proc/self/cwd' : cluster
}

async function initialise(needs: ClusterNeeds, cluster: string): Promise<void> {
  const encoding = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const speed = needs.settings.fsync === 'off' ? ['--no-sync'] : []
  const options = ['--username=sallyport', '--auth=reject', '--no-instructions', ...encoding, ...speed]
  await run(needs, 'initdb', cluster, ['-D', pathFor(needs.account, cluster), ...options])
  const doors = 'host all all 127.0.0.1/32 scram-sha-256\n'
  writeFileSync(join(cluster, 'pg_hba.conf'), doors, { flush: true })
}

/** Statements given on the standard input of a server nobody can connect to: no password in a file or a command line. */
async function singleUser(needs: ClusterNeeds, cluster: string, statements: string[]): Promise<void> {
  const options = ['-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic']
  const speed = needs.settings.fsync === 'off' ? ['-c', 'fsync=off'] : []
  const target = ['--single', '-D', pathFor(needs.account, cluster), ...options, ...speed, 'postgres']
  await run(needs, 'postgres', cluster, target, `${statements.join('\n')}\n`)
}

function setPassword(password: string): string {
  return `ALTER ROLE sallyport PASSWORD '${password}'`
}

function run(needs: ClusterNeeds, name: string, cwd: string, args: string[], input = ''): Promise<void> {
  const log = openLog(needs.dataDir)
  return new Promise<void>((resolve, reject) => {
    const child = spawn(join(needs.binaries.native, 'bin', name), args, {
      ...needs.account,
      cwd,
      env: environment,
      stdio: ['pipe', log.fd, log.fd],
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve()
      const who = needs.account && process.platform !== 'linux' ? needs.account.uid : null
      const way =
        who === null ? '' : ` User id ${who}, whom root lends it to, must be able to enter ${needs.dataDir}.`
      reject(
        new EmbeddedDatabaseError(
          `The embedded PostgreSQL cannot be prepared (${name}: ${signal ?? code}).${way}${lastLines(log)}`,
        ),
      )
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  }).finally(() => log.close())
}

function passwordFile(dataDir: string): string {
  return join(dataDir, 'postgres.password')
}
