// Real servers for tests of several instances (Redis, PgBouncer, nginx), each on its own port and folder. Tests whose server
// is not installed are skipped.
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

/** The path of a program, or null. Debian's servers are in /usr/sbin, which is not in an ordinary user's PATH. */
export function installed(program: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null
}

/** Options of `t.test` for a test that needs the program: skipped if it is missing. */
export const needs = (...programs: readonly string[]) => {
  const missing = programs.filter((program) => !installed(program))
  return missing.length > 0 ? { skip: `${missing.join(' and ')} is not installed` } : {}
}

export interface Neighbour {
  readonly port: number
  readonly folder: string
  /** Its output so far. */
  said(): string
  /** Kills it and waits until it has ended. */
  kill(): Promise<void>
  /** Starts it again on the same port, and waits until it listens. */
  start(): Promise<void>
}

/** Whether a process listens on a port. */
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
  /** The signal that ends it at once; default: SIGKILL. A server of several processes must end all of them. */
  readonly endBy?: NodeJS.Signals
}

/** Runs a server in a new folder, which `prepare` fills; as an ordinary user if the tests run as root and it refuses root. */
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

/** A Redis without persistence. @param args further arguments */
export const startRedis = (t: Teardown, ...args: readonly string[]): Promise<Neighbour> =>
  run(t, 'redis-server', {
    files: () => ({}),
    args: (port) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      ...args,
    ],
  })

/**
 * A PgBouncer in transaction mode with few sessions in front of the server of `databaseUrl`, for all of its databases.
 * Takes lines of its [pgbouncer] section, or a whole configuration. `through` maps a URL of the server to PgBouncer.
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

/** A configuration of compose.yaml, as the container gets it. */
export function composeConfig(compose: string, name: string): string {
  const lines = compose.split('\n')
  const from = lines.indexOf(`  ${name}:`, lines.indexOf('configs:'))
  if (from < 0 || lines[from + 1] !== '    content: |')
    throw new Error(`compose.yaml has no configuration ${name}.`)
  const end = lines.findIndex((line, at) => at > from + 1 && line !== '' && !line.startsWith('      '))
  const own = lines.slice(from + 2, end).map((line) => line.slice(6))
  return `${own.join('\n')}\n`.replaceAll('$$', '$')
}

/** An nginx with this configuration; `listen 3000` is replaced by a free port. */
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
