// Promises a real PostgreSQL for a data directory: one owner at a time, kept alive until stop() and leaving nothing behind.
import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { clearCopy, prepareBinaries } from './embedded-binaries.ts'
import { databaseAccount, openCluster, readPassword } from './embedded-cluster.ts'
import { EmbeddedDatabaseError } from './embedded-error.ts'
import { readText, writeWhole } from './embedded-files.ts'
import { lockDirectory, lockOwner } from './embedded-lock.ts'
import { isPostmaster, keepRunning, type Launch, launch, type Server } from './embedded-server.ts'

export { EmbeddedDatabaseError }

/** A running embedded PostgreSQL. */
export interface EmbeddedDatabase {
  readonly url: string
  readonly port: number
  /** Shuts the server down in order and gives the data directory free. May be called more than once. */
  stop(): Promise<void>
}

/** What `<dataDir>/postgres.json` says while the database runs: where it listens, the postmaster, its owner. */
interface Facts {
  port: number
  pid: number
  nodePid: number
}

/**
 * Starts (first time: initialises) the cluster under `<dataDir>/postgres` and keeps it running until `stop()`.
 * `say` receives the sentences meant for an operator, `settings` become `-c name=value` of the server.
 * Throws EmbeddedDatabaseError when another process owns the directory or PostgreSQL cannot run here.
 */
export async function startEmbedded(options: {
  dataDir: string
  say?: (line: string) => void
  settings?: Record<string, string>
}): Promise<EmbeddedDatabase> {
  const { say = () => {}, settings = {} } = options
  const dataDir = makeDirectory(options.dataDir)
  const unlock = await lockDirectory(dataDir)
  const facts = join(dataDir, 'postgres.json')
  const cleanUp = () => {
    rmSync(facts, { force: true })
    clearCopy(dataDir)
    unlock()
  }
  try {
    clearCopy(dataDir)
    const account = databaseAccount(dataDir)
    const prepare = () => prepareBinaries(dataDir, account)
    const { cluster, password } = await openCluster({
      dataDir,
      account,
      settings,
      say,
      binaries: await prepare(),
    })
    const start = async (port: number, signal: AbortSignal) => {
      const plan: Launch = {
        dataDir,
        cluster,
        account,
        port,
        settings,
        say,
        signal,
        binaries: await prepare(),
      }
      const server = await launch(plan)
      try {
        writeWhole(facts, JSON.stringify({ port, pid: server.pid, nodePid: process.pid } satisfies Facts))
      } catch (error) {
        await server.stop()
        throw error
      }
      return server
    }
    const { port, server } = await startOnFreePort(start)
    const supervised = keepRunning({ server, say, relaunch: (signal) => start(port, signal) })
    let stopped: Promise<void> | undefined
    return {
      url: urlOf(password, port),
      port,
      stop() {
        stopped ??= supervised.stop().finally(cleanUp)
        return stopped
      },
    }
  } catch (error) {
    cleanUp()
    throw error
  }
}

/**
 * URL of the embedded database that some live process runs on this data directory, or null. Takes about a millisecond
 * and connects to nothing. A server whose owner was killed counts as not running: the next start replaces it.
 * Throws the error of the file system when the directory is another user's.
 */
export async function findRunningEmbedded(dataDir: string): Promise<string | null> {
  try {
    const directory = realpathSync(dataDir)
    const owner = lockOwner(directory)
    const facts: Facts = JSON.parse(readText(join(directory, 'postgres.json')) ?? '{}')
    const { port, pid, nodePid } = facts
    if (!owner || owner.pid !== nodePid || !isPostmaster(pid, join(directory, 'postgres'), port)) return null
    const password = readPassword(directory)
    return password === null ? null : urlOf(password, port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function urlOf(password: string, port: number): string {
  return `postgres://sallyport:${password}@127.0.0.1:${port}/sallyport`
}

function makeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return realpathSync(path)
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `The data directory ${path} cannot be made (${(error as Error).message}). ` +
        'Choose another with DATA_DIR, or set DATABASE_URL to a PostgreSQL of your own.',
    )
  }
}

/**
 * A free port may be taken before PostgreSQL binds it; the memory of a killed server lingers for a moment; and one
 * whose owner was killed this very moment may only now write down that it runs.
 */
async function startOnFreePort(start: (port: number, signal: AbortSignal) => Promise<Server>) {
  const never = new AbortController().signal
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return { port, server: await start(port, never) }
    } catch (error) {
      const passing =
        error instanceof EmbeddedDatabaseError &&
        /already in use|still in use|already exists/.test(error.message)
      if (!passing || attempt === 10) throw error
      await sleep(50 * attempt)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
