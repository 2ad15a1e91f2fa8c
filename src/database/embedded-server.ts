// Promises a postmaster that answers before it is handed out, is told from every other process, and comes back if it dies.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { environment } from './embedded-binaries.ts'
import { type ClusterNeeds, pathFor } from './embedded-cluster.ts'
import { EmbeddedDatabaseError } from './embedded-error.ts'
import { readText } from './embedded-files.ts'
import { lastLines, openLog } from './embedded-log.ts'
import { commandOf, endPostmaster, isTaken } from './embedded-process.ts'

/** Neither a socket in the file system nor an address others can reach, whatever the settings say. */
const ours = [
  '-c',
  'listen_addresses=127.0.0.1',
  '-c',
  'unix_socket_directories=',
  '-c',
  'logging_collector=off',
]

/** A postmaster that accepts connections. */
export interface Server {
  readonly pid: number
  /** Resolves, when it has ended, to the signal or exit code it ended with. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

/** What a start of the server needs: an open cluster, a port of 127.0.0.1, and a signal that gives the start up. */
export interface Launch extends ClusterNeeds {
  cluster: string
  port: number
  signal: AbortSignal
}

/**
 * Starts the server and resolves as soon as it accepts connections, after ending one that a killed owner left behind.
 * A recovery after a crash takes as long as it takes. Throws EmbeddedDatabaseError with the last lines of its log.
 */
export async function launch(plan: Launch): Promise<Server> {
  const { dataDir, cluster, account, binaries, port, settings, say, signal } = plan
  await endLeftBehind(cluster, say)
  const log = openLog(dataDir)
  try {
    const chosen = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const args = ['-D', pathFor(account, cluster), ...chosen, ...marks(cluster, port), ...ours]
    // A process group of its own: Ctrl-C reaches us alone, and we stop it in order.
    const child = spawn(join(binaries.native, 'bin', 'postgres'), args, {
      ...account,
      cwd: cluster,
      detached: true,
      env: environment,
      stdio: ['ignore', log.fd, log.fd],
    })
    let gone = false
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, by) => resolve(by ?? `exit code ${code}`))
      child.once('error', (error) => resolve(error.message))
    }).finally(() => {
      gone = true
      process.off('exit', interrupt)
    })
    const pid = child.pid ?? -1
    const interrupt = () => child.kill('SIGINT')
    process.on('exit', interrupt)
    const stop = () =>
      endPostmaster(
        (by) => child.kill(by),
        () => gone,
      )
    for (let waitedMs = 0; !isReady(cluster, pid); waitedMs += 5) {
      if (gone) {
        throw new EmbeddedDatabaseError(
          `The embedded PostgreSQL does not start (${await ended}).${lastLines(log)}`,
        )
      }
      if (signal.aborted) {
        await stop()
        throw signal.reason
      }
      if (waitedMs % 10_000 === 5000)
        say('The embedded PostgreSQL is still starting; after a crash it first recovers…')
      await sleep(5)
    }
    return { pid, ended, stop }
  } finally {
    log.close()
  }
}

/**
 * Starts the server again, on a growing delay of at most five seconds, whenever it ends by itself.
 * `stop` ends that and then the server.
 */
export function keepRunning(watch: {
  server: Server
  relaunch: (signal: AbortSignal) => Promise<Server>
  say: (line: string) => void
}): { stop(): Promise<void> } {
  const { relaunch, say } = watch
  const stopping = new AbortController()
  let server = watch.server
  async function supervise() {
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 5000)) {
      const since = Date.now()
      const how = await server.ended
      if (stopping.signal.aborted) return
      if (Date.now() - since > 30_000) delayMs = 100
      say(`The embedded PostgreSQL ended by itself (${how}); starting it again…`)
      server = await again(delayMs)
      if (stopping.signal.aborted) return
      say('The embedded PostgreSQL runs again.')
    }
  }
  async function again(firstDelayMs: number): Promise<Server> {
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, 5000)) {
      await sleep(delayMs, undefined, { signal: stopping.signal })
      try {
        return await relaunch(stopping.signal)
      } catch (error) {
        stopping.signal.throwIfAborted()
        say((error as Error).message)
      }
    }
  }
  const supervised = supervise().catch((error) => {
    if (!stopping.signal.aborted) throw error
  })
  return {
    async stop() {
      stopping.abort()
      await server.stop()
      await supervised
      await server.stop()
    },
  }
}

/** Whether `pid` is the postmaster of this cluster on this port, by the words of its own command line. */
export function isPostmaster(pid: number, cluster: string, port: number): boolean {
  const command = commandOf(pid)
  return /^\S.*\/postgres -D /.test(command) && command.includes(` ${marks(cluster, port).join(' ')} `)
}

/** Words on its command line by which a postmaster is known again. */
function marks(cluster: string, port: number): string[] {
  return ['-c', `port=${port}`, '-c', `sallyport.cluster=${cluster}`]
}

function isReady(cluster: string, pid: number): boolean {
  const lines = readPidFile(cluster)
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

async function endLeftBehind(cluster: string, say: (line: string) => void): Promise<void> {
  const lines = readPidFile(cluster)
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  if (!(pid > 1)) return
  if (isPostmaster(pid, cluster, port)) {
    say(`Stopping the embedded PostgreSQL that an earlier run left behind (process ${pid})…`)
    await endPostmaster(
      (by) => process.kill(pid, by),
      () => !isPostmaster(pid, cluster, port),
    )
  } else if (isTaken(pid) && !commandOf(pid).includes('postgres')) {
    // PostgreSQL would take whatever has that id now for a server of its own, and not start.
    rmSync(join(cluster, 'postmaster.pid'), { force: true })
  }
}

function readPidFile(cluster: string): string[] {
  return (readText(join(cluster, 'postmaster.pid')) ?? '').split('\n')
}
