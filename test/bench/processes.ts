// Starts the processes of a measurement: the built service, the references, the load generators.
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'
import type { HashOutcome } from './hash-limit.ts'
import type { FromLoad, Outcome, Plan, Revocation, ToLoad, Visitor } from './load.ts'

export const secretKey = 'a bench secret of more than thirty-two bytes'
export const publicUrl = 'http://127.0.0.1:3000'

/** The path of a built file. */
export const built = (name: string) => join(packageRoot, 'dist', name)
const children = new Set<ChildProcess>()

function track(child: ChildProcess): ChildProcess {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Ends all processes. */
export async function endAll(): Promise<void> {
  await Promise.all([...children].map(end))
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await gone
  clearTimeout(hard)
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

function statusOf(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const request = get({ port, path, host: '127.0.0.1', agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0))
    })
    request.once('error', () => resolve(0))
  })
}

export interface Running {
  readonly port: number
  /** Milliseconds from spawn to the first 200 of its ready path. */
  readonly startMs: number
  /** Resident memory now, in MB (10^6 bytes). */
  residentMb(): number
  /** Processor time so far in µs, with a resolution of 10 ms; NaN without /proc. */
  processorUs(): number
  stop(): Promise<void>
}

/** Starts a server on a free port and waits until it is ready. */
export async function start(
  words: readonly string[],
  {
    readyPath,
    log,
    env,
    folder = packageRoot,
  }: { readyPath: string; log: string; env: Record<string, string>; folder?: string },
): Promise<Running> {
  const port = await freePort()
  const out = openSync(log, 'a')
  const begun = performance.now()
  const child = track(
    spawn(process.execPath, words, {
      cwd: folder,
      stdio: ['ignore', out, out],
      env: { PATH: process.env.PATH ?? '', PORT: String(port), ...env },
    }),
  )
  while ((await statusOf(port, readyPath)) !== 200) {
    if (child.exitCode !== null || performance.now() - begun > 60_000)
      throw new Error(`${words.join(' ')} does not start:\n${readFileSync(log, 'utf8').slice(-2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  return {
    port,
    startMs: performance.now() - begun,
    residentMb: () =>
      (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' })) * 1024) /
      1e6,
    processorUs() {
      if (process.platform !== 'linux') return Number.NaN
      const [, after = ''] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')
      const fields = after.split(' ')
      return (Number(fields[11]) + Number(fields[12])) * 10_000
    },
    stop: () => end(child),
  }
}

export interface ServiceOptions {
  /** The project that the product contracts work on. */
  readonly projectId?: string
  /** Null: the embedded database of `dataDir`. */
  readonly databaseUrl: string | null
  readonly dataDir: string
  readonly log: string
  /** Options of Node, such as --cpu-prof. */
  readonly node?: readonly string[]
  /** Further variables. */
  readonly env?: Record<string, string>
  /** The folder of another build; default: this one. */
  readonly build?: string
}

/** The built service in its default configuration: LOG_LEVEL=info, written to a file. */
export function startService({
  databaseUrl,
  projectId,
  dataDir,
  log,
  node = [],
  env = {},
  build = packageRoot,
}: ServiceOptions): Promise<Running> {
  const database: Record<string, string> = databaseUrl
    ? { DATABASE_URL: databaseUrl, SECRET_KEY: secretKey }
    : {}
  const { scripts } = JSON.parse(readFileSync(join(build, 'package.json'), 'utf8'))
  const [, ...words] = String(scripts.start).split(' ')
  return start([...words.slice(0, -1), ...node, join(build, 'dist/src/main.js')], {
    readyPath: '/health/ready',
    log,
    folder: build,
    env: {
      ...database,
      // Like the container and every worker.
      MALLOC_ARENA_MAX: '1',
      DATA_DIR: dataDir,
      // The same issuer for all ports, so that instances accept each other's tokens.
      PUBLIC_URL: publicUrl,
      ...(projectId ? { CONTRACT_PROJECT_ID: projectId } : {}),
      ...env,
    },
  })
}

/** The limit server, on the same database. */
export function startLimit(databaseUrl: string, log: string): Promise<Running> {
  return start([built('test/bench/limit-server.js')], {
    readyPath: '/constant',
    log,
    env: { DATABASE_URL: databaseUrl, SECRET_KEY: secretKey },
  })
}

const bareServer = `
import Fastify from 'fastify'
const app = Fastify()
app.get('/', async () => ({ ok: true }))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
process.once('SIGTERM', () => app.close())
`

/** Fastify with one route and nothing else: the limit of a start. */
export function startBare(log: string): Promise<Running> {
  return start(['--input-type=module', '--eval', bareServer], { readyPath: '/', log, env: {} })
}

function ask<Reply>(child: ChildProcess, message: object): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null) =>
      reject(new Error(`A process of the bench ended by itself (${signal ?? code}).`))
    child.once('exit', ended).once('message', (reply) => {
      child.off('exit', ended)
      resolve(reply as Reply)
    })
    child.send(message)
  })
}

export interface Load {
  /** Sets the visitors of the following runs. */
  admit(crowd: readonly Visitor[]): Promise<void>
  /** Runs a plan. @throws if an answer has an unexpected status */
  run(plan: Plan): Promise<Outcome>
  /** Milliseconds for which the other instance still accepted revoked sessions. */
  revoke(revocation: Revocation): Promise<number[]>
}

export function startLoad(): Load {
  const child = track(fork(built('test/bench/load.js'), { execArgv: [] }))
  return {
    async admit(crowd) {
      await ask<FromLoad>(child, { crowd: [...crowd] } satisfies ToLoad)
    },
    async run(plan) {
      const reply = await ask<FromLoad>(child, { plan } satisfies ToLoad)
      if (!('outcome' in reply)) throw new Error('The generator answered something else.')
      const { failures, requests } = reply.outcome
      if (failures.length > 0 || requests === 0) throw new Error(failures[0] ?? 'Nothing was answered.')
      return reply.outcome
    },
    async revoke(revocation) {
      const reply = await ask<FromLoad>(child, { revocation } satisfies ToLoad)
      if (!('lags' in reply)) throw new Error('The generator answered something else.')
      return reply.lags
    },
  }
}

/** Starts argon2id on all cores. @returns a function that runs it for some seconds */
export async function startHashing(): Promise<(seconds: number) => Promise<HashOutcome>> {
  const { availableParallelism } = await import('node:os')
  const child = track(
    fork(built('test/bench/hash-limit.js'), {
      execArgv: [],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(availableParallelism()) },
    }),
  )
  await once(child, 'message')
  return (seconds) => ask<HashOutcome>(child, { seconds })
}
