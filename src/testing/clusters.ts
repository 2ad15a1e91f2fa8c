// A cluster of its own for each service that a test starts: a copy of one that was initialised, migrated and started once on
// this machine. Everything lies in one folder below the temporary directory that only its user can enter.
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProcess } from '../database/embedded/data-directory.ts'
import { type EmbeddedDatabase, startEmbedded } from '../database/embedded/embedded.ts'
import { packageRoot, version } from '../package.ts'

/** Settings without durability: a cluster lives as long as its test. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  wal_init_zero: 'off',
  wal_recycle: 'off',
  shared_buffers: '16MB',
  max_connections: '40',
  autovacuum: 'off',
  io_method: 'sync',
}

/** Prepares a new cluster, whose database runs, before it is copied. */
export type Prepare = (database: EmbeddedDatabase, dataDir: string) => Promise<void>

/** @throws where the folder is another user's, who could read and change what tests store */
function openFolder(): string {
  const folder = join(tmpdir(), `sallyport-testing-${process.getuid?.() ?? 'user'}`)
  mkdirSync(folder, { mode: 0o700, recursive: true })
  const found = lstatSync(folder)
  const isOurs =
    process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o077) === 0)
  if (!found.isDirectory() || !isOurs)
    throw new Error(`${folder} must be a folder of this user alone (mode 0700); remove it, or set TMPDIR.`)
  return folder
}

/** Changes with everything that a prepared cluster depends on. */
function fingerprint(): string {
  const hash = createHash('sha256').update(JSON.stringify([version, settings, process.arch]))
  const migrations = join(packageRoot, 'drizzle/migrations')
  for (const name of readdirSync(migrations).sort())
    if (name.endsWith('.sql')) hash.update(readFileSync(join(migrations, name)))
  return hash.digest('hex').slice(0, 16)
}

const remove = (path: string) => rmSync(path, { recursive: true, force: true, maxRetries: 5 })

/** Makes the cluster that is copied, under another name, and renames it into place. One process makes it, others wait. */
async function ensureTemplate(folder: string, prepare: Prepare): Promise<string> {
  const template = join(folder, fingerprint())
  if (existsSync(template)) return template
  // By its default: a bundle in chunks gives a CommonJS module no names.
  const { default: lockfile } = await import('proper-lockfile')
  const retries = { retries: 600, factor: 1, minTimeout: 200 }
  // On a machine that is too busy to renew the lock, two processes may make one: the first to finish counts.
  const release = await lockfile.lock(template, {
    realpath: false,
    stale: 10_000,
    retries,
    onCompromised: () => {},
  })
  try {
    if (existsSync(template)) return template
    const draft = join(folder, `run-${process.pid}-${randomBytes(6).toString('hex')}`)
    const database = await startEmbedded({ dataDir: draft, settings })
    try {
      await prepare(database, draft)
    } finally {
      await database.stop()
    }
    try {
      renameSync(draft, template)
    } catch (error) {
      remove(draft)
      if (!existsSync(template)) throw error
    }
    return template
  } finally {
    await release().catch(() => {})
  }
}

/** Copies a folder with the owners of its files; where the file system can, the copy shares its blocks with the original. */
async function copy(from: string, to: string): Promise<void> {
  const flags = process.platform === 'linux' ? ['-a', '--reflink=auto'] : ['-R', '-p']
  const run = promisify(execFile)
  // Of busybox and older systems, which know no such flag.
  await run('cp', [...flags, from, to]).catch(() => run('cp', ['-R', '-p', from, to]))
}

/** Removes the directories, and ends the servers, of runs whose processes were killed. */
async function sweep(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^run-(\d+)-/.exec(name)?.[1] ?? 0)
    if (pid === 0 || findProcess(pid)) continue
    const left = join(folder, name)
    // Starting it ends the server that was left behind.
    if (existsSync(join(left, 'postgres', 'postmaster.pid')))
      await startEmbedded({ dataDir: left, settings }).then(
        (it) => it.stop(),
        () => {},
      )
    remove(left)
  }
}

/** A running database in a data directory of its own. */
export interface TestCluster {
  readonly url: string
  readonly dataDir: string
  /** Ends the server and removes the directory. */
  remove(): Promise<void>
}

/**
 * Starts a database on a copy of the prepared cluster.
 * @param prepare is called where this version of the service has not been prepared on this machine
 */
export async function startTestCluster(prepare: Prepare): Promise<TestCluster> {
  const folder = openFolder()
  const template = await ensureTemplate(folder, prepare)
  const dataDir = join(folder, `run-${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    await copy(template, dataDir)
    const database = await startEmbedded({ dataDir, settings })
    const swept = sweep(folder).catch(() => {})
    const removeAll = async () => {
      await swept
      await database.stop().finally(() => remove(dataDir))
    }
    return { url: database.url, dataDir, remove: removeAll }
  } catch (error) {
    remove(dataDir)
    throw error
  }
}
