// The servers that stand beside many instances (Redis, PgBouncer, nginx), each a real one of this machine on ports and
// in a folder of its own; a test whose server is not installed says that it is skipped.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './app.ts'
import { eventually } from './eventually.ts'

interface Teardown {
  teardown(work: () => unknown): void
}

/** Where a program lies, or null; Debian keeps servers where an ordinary user's path does not lead. */
export function installed(program: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null
}

/** What `t.test` is told for a test that needs the program. */
export const needs = (...programs: readonly string[]) => {
  const missing = programs.filter((program) => !installed(program))
  return missing.length > 0 ? { skip: `${missing.join(' and ')} is not installed` } : {}
}

export interface Neighbour {
  readonly port: number
  readonly folder: string
  /** All that it wrote. */
  said(): string
  /** Ends it at once, and waits until it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, and waits until it listens. */
  start(): Promise<void>
}

/** Whether somebody listens on a port. */
export const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const done = (answer: boolean) => () => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', done(true)).once('error', done(false))
  })

interface Recipe {
  readonly files: (port: number) => Record<string, string>
  readonly args: (port: number) => string[]
  /** How it ends at once, if not by SIGKILL: a server of several processes must take them along. */
  readonly endBy?: NodeJS.Signals
}

/** Runs a server in a new folder, which `prepare` fills; as an ordinary user where we are root and it must not be. */
async function run(
  t: Teardown,
  program: string,
  { files, args, endBy = 'SIGKILL' }: Recipe,
  user?: number,
): Promise<Neighbour> {
  const folder = await mkdtemp(join(tmpdir(), `sallyport-${program}-`))
  const port = await freePort()
  await chmod(folder, 0o777)
  for (const [name, content] of Object.entries(files(port))) await writeFile(join(folder, name), content)
  const asUser = user !== undefined && process.getuid?.() === 0 ? { uid: user, gid: user } : {}
  let text = ''
  let gone: Promise<unknown> = Promise.resolve()
  let stop = () => {}
  const kill = async () => {
    stop()
    await gone
  }
  const start = async () => {
    const child = spawn(installed(program) ?? program, args(port), {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...asUser,
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
    let over = false
    gone = new Promise((resolve) => {
      child.once('error', resolve)
      child.once('exit', () => {
        over = true
        resolve(null)
      })
    })
    stop = () => void child.kill(endBy)
    await eventually(`${program} listens`, async () => over || listens(port))
    if (over) throw new Error(`${program} did not start: ${text}`)
  }
  t.teardown(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  await start()
  return { port, folder, said: () => text, kill, start }
}

/** A Redis that keeps nothing; `args` are its own. */
export const startRedis = (t: Teardown, ...args: readonly string[]): Promise<Neighbour> =>
  run(t, 'redis-server', {
    files: () => ({}),
    args: (port) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      ...args,
    ],
  })

/**
 * A PgBouncer of few sessions in transaction mode before the server of `databaseUrl`, for any database of it.
 * In: lines of its [pgbouncer] section, or a whole configuration. Its `through` gives the same URL by way of it.
 */
export async function startPgBouncer(
  t: Teardown,
  databaseUrl: string,
  ...settings: readonly string[]
): Promise<Neighbour & { through(url: string): string }> {
  const server = new URL(databaseUrl)
  const target = `host=${server.hostname} port=${server.port}`
  const small = [
    'default_pool_size = 3',
    'max_client_conn = 200',
    'pool_mode = transaction',
    'auth_type = plain',
  ]
  const whole = settings[0]?.startsWith('[databases]')
    ? settings[0]
    : [
        '[databases]',
        '* = host=postgres port=5432',
        '[pgbouncer]',
        'unix_socket_dir =',
        ...small,
        ...settings,
      ].join('\n')
  const config = (port: number) =>
    whole
      .replace(/^\S+ = host=postgres port=5432/m, `* = ${target}`)
      .replace(/^(?:listen_addr|listen_port|auth_file) = .*\n/gm, '')
      .replace(
        '[pgbouncer]',
        `[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nauth_file = users.txt`,
      )
  const nobody = 65_534
  const neighbour = await run(
    t,
    'pgbouncer',
    {
      files: (port) => ({
        'pgbouncer.ini': `${config(port)}\n`,
        'users.txt': `"${decodeURIComponent(server.username)}" "${decodeURIComponent(server.password)}"\n`,
      }),
      args: () => ['pgbouncer.ini'],
    },
    nobody,
  )
  return {
    ...neighbour,
    through(url) {
      const pooled = new URL(url)
      pooled.host = `127.0.0.1:${neighbour.port}`
      return pooled.href
    },
  }
}

/** The text of one of compose.yaml's configurations, as the container gets it. */
export function composeConfig(compose: string, name: string): string {
  const lines = compose.split('\n')
  const from = lines.indexOf(`  ${name}:`, lines.indexOf('configs:'))
  if (from < 0 || lines[from + 1] !== '    content: |')
    throw new Error(`compose.yaml has no configuration ${name}.`)
  const end = lines.findIndex((line, at) => at > from + 1 && line !== '' && !line.startsWith('      '))
  const own = lines.slice(from + 2, end).map((line) => line.slice(6))
  return `${own.join('\n')}\n`.replaceAll('$$', '$')
}

/** An nginx with this configuration, which listens where `listen 3000` stands in it. */
export const startNginx = (t: Teardown, config: string): Promise<Neighbour> =>
  run(t, 'nginx', {
    files: (port) => ({
      'nginx.conf': config
        .replace('listen 3000', `listen 127.0.0.1:${port}`)
        .replace('error_log /dev/stderr', 'error_log stderr')
        .replace(
          'http {',
          `http {\n${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path temp-${kind};`).join('\n')}`,
        ),
    }),
    endBy: 'SIGTERM',
    args: () => ['-p', '.', '-c', 'nginx.conf', '-g', 'daemon off; pid nginx.pid;'],
  })
