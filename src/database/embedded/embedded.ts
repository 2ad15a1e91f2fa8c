// A PostgreSQL of our own for a data directory: one owner at a time, restarted when it ends by itself, nothing left behind.
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { openCluster, readPassword } from './cluster.ts'
import {
  EmbeddedDatabaseError,
  isMissing,
  lockDirectory,
  lockOwner,
  makeDirectory,
  unusable,
} from './data-directory.ts'
import { accountFor, removeCopy } from './programs.ts'
import { runningPort, startServer } from './server.ts'

export { EmbeddedDatabaseError }

/** A running embedded PostgreSQL. */
export interface EmbeddedDatabase {
  readonly url: string
  readonly port: number
  /** Shuts the server down and releases the data directory. May be called more than once. */
  stop(): Promise<void>
}

/**
 * Starts the cluster under `<dataDir>/postgres`, made at the first start, and keeps it running until `stop()`.
 * @param options.say called with sentences for the operator
 * @param options.settings of the server, as `-c name=value`
 * @throws EmbeddedDatabaseError where another process owns the directory or PostgreSQL cannot run here
 */
export async function startEmbedded(options: {
  dataDir: string
  say?: (line: string) => void
  settings?: Record<string, string>
}): Promise<EmbeddedDatabase> {
  const { say = () => {}, settings = {} } = options
  const dataDir = makeDirectory(options.dataDir)
  const unlock = await lockDirectory(dataDir)
  const cleanUp = () => {
    removeCopy(dataDir)
    unlock()
  }
  try {
    removeCopy(dataDir)
    const needs = { dataDir, account: accountFor(join(dataDir, 'postgres')), settings, say }
    const { cluster, password } = await openCluster(needs)
    const server = await startServer(needs, cluster)
    let stopped: Promise<void> | undefined
    return {
      url: urlOf(password, server.port),
      port: server.port,
      stop() {
        stopped ??= server.stop().finally(cleanUp)
        return stopped
      },
    }
  } catch (error) {
    cleanUp()
    throw error
  }
}

/**
 * The URL of the embedded database that a live process runs on this data directory, or null. Takes about a millisecond and
 * connects to nothing. A server whose owner was killed counts as not running: the next start replaces it.
 * @throws EmbeddedDatabaseError where the directory is another user's
 */
export async function findRunningEmbedded(dataDir: string): Promise<string | null> {
  try {
    const directory = realpathSync(dataDir)
    const port = lockOwner(directory) === null ? null : runningPort(join(directory, 'postgres'))
    const password = readPassword(directory)
    return port === null || password === null ? null : urlOf(password, port)
  } catch (error) {
    if (isMissing(error)) return null
    throw error instanceof EmbeddedDatabaseError ? error : unusable(dataDir, error)
  }
}

function urlOf(password: string, port: number): string {
  return `postgres://sallyport:${password}@127.0.0.1:${port}/sallyport`
}
