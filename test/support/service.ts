// The service in its own process, with its own data directory and the embedded PostgreSQL.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { findRunningEmbedded } from '../../src/database/embedded/embedded.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { packageRoot } from '../../src/package.ts'
import { freePort, wideLimits } from './app.ts'
import { storesOn } from './database.ts'
import { eventually } from './eventually.ts'
import { type ProgramName, programSources, programs } from './programs.ts'

interface Teardown {
  teardown(work: () => unknown): void
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Its standard output and standard error so far. */
  readonly stdout: string
  readonly stderr: string
}

/** A program of this package that is running or has ended. */
export interface Program {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly ended: Promise<Ended>
  signal(name: NodeJS.Signals): void
}

export interface Service extends Program {
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** Sends SIGTERM and waits until it has ended. */
  stop(): Promise<Ended>
  /** Sends SIGKILL and waits until it has ended; its PostgreSQL keeps running, as after a crash. */
  kill(): Promise<Ended>
}

export interface RunOptions {
  readonly env?: Record<string, string>
  readonly uid?: number
  readonly gid?: number
  /** The folder of another version's sources, which run by a loader; default: this package, compiled. */
  readonly root?: string
}

/** Runs a program with nothing of this process's environment but the path. */
export function runProgram(name: ProgramName, args: readonly string[], options: RunOptions = {}): Program {
  const { env = {}, root, ...user } = options
  const program = root === undefined ? [programs[name]] : ['--import=tsx', programSources[name]]
  // tap has every process that is spawned load something of its own, by NODE_OPTIONS.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...program, ...args], {
    ...user,
    cwd: root ?? packageRoot,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk
  })
  return {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    ended: new Promise((resolve) => {
      // Processes that are left over may hold the pipes open, so the wait for their end is short.
      child.once('exit', (code, signal) => {
        const done = () => resolve({ code, signal, stdout, stderr })
        const late = setTimeout(done, 500)
        child.once('close', () => {
          clearTimeout(late)
          done()
        })
      })
      child.once('error', (error) => resolve({ code: null, signal: null, stdout, stderr: String(error) }))
    }),
    signal: (name) => child.kill(name),
  }
}

/** A data directory that is removed when the test ends, together with processes that still use it. */
export async function temporaryDataDir(t: Teardown): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sallyport-service-'))
  t.teardown(async () => {
    const pid = postmasterPid(dataDir)
    if (pid !== null) process.kill(pid, 'SIGQUIT')
    await eventually('the end of the database', async () => postmasterPid(dataDir) === null)
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })
  return dataDir
}

/** The PID of the postmaster of a data directory, or null. */
export function postmasterPid(dataDir: string): number | null {
  const file = join(dataDir, 'postgres', 'postmaster.pid')
  if (!existsSync(file)) return null
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  return pid > 1 && commandOf(pid).includes(dataDir) ? pid : null
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Every process whose command line names the data directory: its postmaster, and processes of a start. */
export async function processesOf(dataDir: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => commandOf(Number(pid))).filter((command) => command.includes(dataDir))
}

/** Starts the service and waits until it is ready. @throws an error with its output if it ends before */
export async function startService(
  t: Teardown,
  options: RunOptions & { dataDir: string; port?: number },
): Promise<Service> {
  const { dataDir, port = await freePort(), ...rest } = options
  const env = { DATA_DIR: dataDir, PORT: String(port), ...rest.env }
  const program = runProgram('service', [], { ...rest, env })
  let over = false
  void program.ended.then(() => {
    over = true
  })
  const end = async (signal: NodeJS.Signals) => {
    program.signal(signal)
    return program.ended
  }
  t.teardown(() => (over ? undefined : end('SIGKILL')))
  await eventually(
    'the service is ready',
    async () => over || program.stdout().includes('"msg":"Ready"'),
    60_000,
  )
  if (over) throw new Error(`The service did not start: ${program.stderr()}${program.stdout()}`)
  return {
    ...program,
    url: `http://127.0.0.1:${port}`,
    port,
    dataDir,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** A connection to the embedded database of a running service. */
export async function databaseOf(service: Service): Promise<Sql> {
  const url = await findRunningEmbedded(service.dataDir)
  if (!url) throw new Error('The service has no database.')
  return postgres(url, { max: 2, onnotice: () => {} })
}

/** Creates a project whose limits no test reaches by default. @returns its id */
export async function wideProject(service: Service, policy: unknown = wideLimits): Promise<string> {
  const sql = await databaseOf(service)
  try {
    return (await createProject({ stores: storesOn(sql) }, 'Test', policy)).project.id
  } finally {
    await sql.end()
  }
}

export interface ServiceAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape, right or wrong
  readonly body: any
}

/** Sends JSON to `/api/auth<path>`. @returns null if the connection broke before the answer was complete */
export async function ask(
  service: { url: string },
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<ServiceAnswer | null> {
  const { body, headers = {}, signal } = options
  try {
    const response = await fetch(`${service.url}/api/auth${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
  } catch {
    return null
  }
}
