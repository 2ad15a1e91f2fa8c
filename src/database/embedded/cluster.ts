// Makes the database cluster: under another name, with its role, password and database, then renamed into place.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedDatabaseError, openLog, readText, renameDurably, writeWhole } from './data-directory.ts'
import { environment, findPrograms, type ProgramOptions, type Programs, pathFor } from './programs.ts'

/**
 * Makes `<dataDir>/postgres` where there is none, and a new password where its file is missing.
 * @throws EmbeddedDatabaseError for a cluster of another major version
 */
export async function openCluster(needs: ProgramOptions): Promise<{ cluster: string; password: string }> {
  const { dataDir, account, say } = needs
  const options = { ...needs, ...(await findPrograms(needs)) }
  const cluster = join(dataDir, 'postgres')
  // Left by a killed start; version 0.1.0 had a postgres.json.
  const unfinished = /^(postgres\.new-|postgres\.json|(postgres\.(password|copy)|lock)\.[0-9a-f]{12}$)/
  for (const name of readdirSync(dataDir).filter((name) => unfinished.test(name))) {
    rmSync(join(dataDir, name), { recursive: true, force: true, maxRetries: 5 })
  }
  const known = readPassword(dataDir)
  const password = known ?? randomBytes(32).toString('hex')
  const setPassword = `ALTER ROLE sallyport PASSWORD '${password}'`
  if (!existsSync(cluster)) {
    say('Preparing the embedded PostgreSQL (first start, a few seconds)…')
    // A new name: an initdb that outlived its killed parent may still write to the last one.
    const draft = join(dataDir, `postgres.new-${randomBytes(6).toString('hex')}`)
    mkdirSync(draft, { mode: 0o700 })
    if (account) chownSync(draft, account.uid, account.gid)
    await initialise(options, draft)
    await singleUser(options, draft, [setPassword, 'CREATE DATABASE sallyport'])
    if (known === null) writeWhole(passwordFile(dataDir), password)
    renameDurably(draft, cluster)
    return { cluster, password }
  }
  const major = readText(join(cluster, 'PG_VERSION'))?.trim() ?? 'of an unknown version'
  if (major !== options.major) {
    throw new EmbeddedDatabaseError(
      `The database ${cluster} was made by PostgreSQL ${major}, and this Sallyport comes with ${options.major}. ` +
        'Move its data with pg_dump and the Sallyport that made it, or choose another directory with DATA_DIR.',
      { isConfiguration: true },
    )
  }
  if (known === null) {
    await singleUser(options, cluster, [setPassword])
    writeWhole(passwordFile(dataDir), password)
  }
  return { cluster, password }
}

const passwordFile = (dataDir: string) => join(dataDir, 'postgres.password')

/** The password of the role `sallyport`, or null where none is kept. */
export function readPassword(dataDir: string): string | null {
  return readText(passwordFile(dataDir))?.trim() || null
}

async function initialise(options: ProgramOptions & Programs, cluster: string): Promise<void> {
  const encoding = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const speed = options.settings.fsync === 'off' ? ['--no-sync'] : []
  const flags = ['--username=sallyport', '--auth=reject', '--no-instructions', ...encoding, ...speed]
  await run(options, 'initdb', cluster, ['-D', pathFor(options.account, cluster), ...flags])
  const access = 'host all all 127.0.0.1/32 scram-sha-256\n'
  writeFileSync(join(cluster, 'pg_hba.conf'), access, { flush: true })
}

/** Runs statements from the standard input of a single-user server: the password is in no file and no command line. */
async function singleUser(
  options: ProgramOptions & Programs,
  cluster: string,
  statements: string[],
): Promise<void> {
  const flags = ['-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic']
  const speed = options.settings.fsync === 'off' ? ['-c', 'fsync=off'] : []
  const target = ['--single', '-D', pathFor(options.account, cluster), ...flags, ...speed, 'postgres']
  await run(options, 'postgres', cluster, target, `${statements.join('\n')}\n`)
}

async function run(
  { dataDir, account, native }: ProgramOptions & Programs,
  name: string,
  cwd: string,
  args: string[],
  input = '',
): Promise<void> {
  const log = openLog(dataDir)
  try {
    const stdio = ['pipe' as const, log.fd, log.fd]
    const child = spawn(join(native, 'bin', name), args, { ...account, cwd, env: environment, stdio })
    child.stdin?.on('error', () => {}).end(input)
    const [code, signal] = await once(child, 'close')
    if (code === 0) return
    const needsAccess = account && process.platform !== 'linux'
    const access = needsAccess
      ? ` It runs as user id ${account.uid}, who must be able to enter ${dataDir}.`
      : ''
    throw new EmbeddedDatabaseError(
      `The embedded PostgreSQL cannot be prepared (${name}: ${signal ?? code}).${access}${log.lastLines()}`,
    )
  } finally {
    log.close()
  }
}
