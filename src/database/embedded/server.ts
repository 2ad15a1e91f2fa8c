// The server process (postmaster): started on a free port, recognised among other processes, restarted when it ends by itself.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedDatabaseError, findProcess, openLog, readText } from './data-directory.ts'
import { freePort } from './free-port.ts'
import { environment, findPrograms, type ProgramOptions, type Programs, pathFor } from './programs.ts'

/** Not configurable: no socket in the file system, and no address that other machines can reach. */
const fixedSettings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', logging_collector: 'off' }

/**
 * Starts the server of a cluster, after ending one that a killed owner left behind, and starts it again on the same port, after
 * 100 ms to 5 s, whenever it ends by itself. Resolves when it accepts connections; a recovery after a crash may take any time.
 * @throws EmbeddedDatabaseError where it cannot be started
 */
export async function startServer(options: ProgramOptions, cluster: string) {
  const { say } = options
  const stopping = new AbortController()
  let server: ReturnType<typeof launch> | undefined
  const start = async (port: number) => {
    await endLeftBehind(cluster, say)
    server = launch({ ...options, ...(await findPrograms(options)) }, cluster, port)
    await server.ready
  }
  const supervise = async (port: number) => {
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 5000)) {
      const since = Date.now()
      const how = await server?.ended
      if (Date.now() - since > 30_000) delayMs = 100
      if (stopping.signal.aborted) return
      say(`The embedded PostgreSQL ended by itself (${how}); starting it again…`)
      // Rejects where it is stopped meanwhile.
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      const failure = await start(port).catch(({ message }: Error) => message)
      if (stopping.signal.aborted) return
      say(failure ?? 'The embedded PostgreSQL runs again.')
    }
  }
  const port = await onFreePort(start)
  const supervised = supervise(port)
  async function stop(): Promise<void> {
    stopping.abort()
    await server?.stop()
    await supervised
    // It may have been started again meanwhile.
    await server?.stop()
  }
  return { port, stop }
}

/**
 * @returns `ready` resolves when it accepts connections, and rejects with the last lines of its log where it ends before; `ended`
 * resolves, when it has ended, to its signal or exit code
 */
function launch(options: ProgramOptions & Programs, cluster: string, port: number) {
  const { dataDir, account, native, settings, say } = options
  const log = openLog(dataDir)
  const flags = [...flagsOf(settings), ...marks(cluster, port), ...flagsOf(fixedSettings)]
  // Detached: Ctrl-C reaches this process alone, which stops the server in order.
  const child = spawn(join(native, 'bin', 'postgres'), ['-D', pathFor(account, cluster), ...flags], {
    ...account,
    cwd: cluster,
    detached: true,
    env: environment,
    stdio: ['ignore', log.fd, log.fd],
  })
  const interrupt = () => child.kill('SIGINT')
  process.on('exit', interrupt)
  let gone = false
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    child.once('error', (error) => resolve(error.message))
  }).finally(() => {
    gone = true
    process.off('exit', interrupt)
  })
  async function isReady(): Promise<void> {
    for (let waitedMs = 0; postmasterOf(cluster).readyPid !== child.pid; waitedMs += 5) {
      if (gone)
        throw new EmbeddedDatabaseError(
          `The embedded PostgreSQL does not start (${await ended}).${log.lastLines()}`,
        )
      if (waitedMs % 10_000 === 5000)
        say('The embedded PostgreSQL is still starting; after a crash it first recovers…')
      await sleep(5)
    }
  }
  const ready = isReady().finally(log.close)
  return { ready, ended, stop: () => endPostmaster(child.kill.bind(child), () => gone) }
}

/** The port of the cluster's postmaster; null where none accepts connections. */
export function runningPort(cluster: string): number | null {
  const { readyPid, port } = postmasterOf(cluster)
  return readyPid !== null && isPostmaster(readyPid, cluster, port) ? port : null
}

/** What postmaster.pid says; a killed one leaves it. */
function postmasterOf(cluster: string) {
  const lines = (readText(join(cluster, 'postmaster.pid')) ?? '').split('\n')
  const pid = Number(lines[0])
  return { pid, port: Number(lines[3]), readyPid: lines[7]?.trim() === 'ready' ? pid : null }
}

/** Whether `pid` is the postmaster of this cluster on this port, by its command line. */
function isPostmaster(pid: number, cluster: string, port: number): boolean {
  const { command = '' } = findProcess(pid) ?? {}
  return /^\S.*\/postgres -D /.test(command) && command.includes(` ${marks(cluster, port).join(' ')} `)
}

/** The part of its command line by which a postmaster is recognised. */
const marks = (cluster: string, port: number) => flagsOf({ port: String(port), 'sallyport.cluster': cluster })

const flagsOf = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])

async function endLeftBehind(cluster: string, say: (line: string) => void): Promise<void> {
  const { pid, port } = postmasterOf(cluster)
  if (!(pid > 1)) return
  const isGone = () => !isPostmaster(pid, cluster, port)
  if (!isGone()) {
    say(`Stopping the embedded PostgreSQL that an earlier run left behind (process ${pid})…`)
    await endPostmaster((signal) => process.kill(pid, signal), isGone)
  } else if (isTaken(pid) && !findProcess(pid)?.command.includes('postgres'))
    // PostgreSQL would take the process that has this id now for another server of the cluster, and not start.
    rmSync(join(cluster, 'postmaster.pid'), { force: true })
}

/** Whether some process has this id, even one that has ended and waits for its parent. */
function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Ends a postmaster: a fast shutdown, after ten seconds an immediate one, after five more a kill. `isGone` is asked before each
 * signal, so that it never reaches another process.
 */
async function endPostmaster(
  kill: (signal: NodeJS.Signals) => unknown,
  isGone: () => boolean,
): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5000],
    ['SIGKILL', 5000],
  ] as const) {
    if (isGone()) return
    try {
      kill(signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    for (const since = Date.now(); Date.now() - since < waitMs; await sleep(5)) if (isGone()) return
  }
}

/**
 * Calls `start` with a free port, and again where that was taken meanwhile, the shared memory of a killed server is still there,
 * or a server whose owner was killed only now writes its postmaster.pid.
 */
async function onFreePort(start: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      await start(port)
      return port
    } catch (error) {
      const passes =
        error instanceof EmbeddedDatabaseError &&
        /already in use|still in use|already exists/.test(error.message)
      if (!passes || attempt === 10) throw error
      await sleep(50 * attempt)
    }
  }
}
