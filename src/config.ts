// The environment, read once: a frozen Config, or every problem at once in sentences that say what to do.
import { isIP } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import { resolve } from 'node:path'
import {
  contracts,
  type Environment,
  list,
  type logLevels,
  pairs,
  readEnvironment,
  type samplers,
} from './environment.ts'

/** Exit code of a process that was configured wrongly (EX_CONFIG of sysexits.h). */
export const exitConfig = 78

/** Thrown with every problem of the configuration at once. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** The account that is made at the first start. */
export interface FirstAdmin {
  readonly email: string
  readonly password: string
  readonly firstName: string | null
  readonly lastName: string | null
}

export interface Config {
  readonly host: string
  readonly port: number
  /** Processes that share the port; 1: this one alone. */
  readonly workers: number
  /** Connections of each worker's pool. */
  readonly databaseConnections: number
  /** Null: the embedded PostgreSQL under dataDir. */
  readonly databaseUrl: string | null
  /** A standby of the same database, for reads that may be some seconds old; null: there is none. */
  readonly databaseReadUrl: string | null
  /** Whether these lead to a pooler in transaction mode. */
  readonly databasePooled: boolean
  /** The tables' owner at the same database, where databaseUrl is another role; it reaches PostgreSQL without a pooler. */
  readonly databaseOwnerUrl: string | null
  readonly dataDir: string
  /** Null with the embedded database alone: made once and kept in dataDir. */
  readonly secretKey: string | null
  readonly previousSecretKey: string | null
  /** Age at which the signing key is replaced; null: by hand alone. */
  readonly keyRotationSeconds: number | null
  /** Null: the project made on the first start; 'none': the header is required. */
  readonly defaultProjectId: string | null
  /** Contracts of other products that are mounted, each once. */
  readonly contracts: readonly (typeof contracts)[number][]
  /** Null: the default project. */
  readonly contractProjectId: string | null
  readonly publicUrl: string
  readonly trustedProxies: readonly string[]
  /** Where all instances count requests; null: each in its own memory. */
  readonly redisUrl: string | null
  /** Whether sessions and keys may be remembered while the database tells what changes. */
  readonly sessionCache: boolean
  readonly cookieSecure: boolean
  /** The name of the session cookie that NodeLoom's clients keep. */
  readonly nodeloomCookie: string
  /** Whether /playground is served. */
  readonly playground: boolean
  readonly logLevel: (typeof logLevels)[number]
  /** For machines, or for people. */
  readonly logFormat: 'json' | 'pretty'
  /** What a scraper of /metrics presents; null: it must be a direct neighbour. */
  readonly metricsToken: string | null
  /** Where and how traces are sent; null: nowhere. */
  readonly tracing: {
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly serviceName: string
    readonly sampler: (typeof samplers)[number]
    readonly ratio: number
  } | null
  /** Milliseconds of a turn of the event loop beyond which requests are refused; 0: never. */
  readonly maxEventLoopDelayMs: number
  readonly smtpUrl: string | null
  readonly mailFrom: string
  /** Secrets of our clients at providers, by the name of their variable, which a policy may name. */
  readonly providerSecrets: Readonly<Record<string, string>>
  /** Null: none is made. */
  readonly firstAdmin: FirstAdmin | null
  /** Password hashes that each worker computes at the same time: together one for each core, as far as libuv has threads
   * for them, and a quarter of the memory has room. */
  readonly hashSlots: number
  /** Threads of libuv, as far as the environment says: what computes hashes, reads files and asks for names. */
  readonly threadPoolSize: number
}

/** The part of the memory that hashes may fill: as many mebibytes for each as its parameters ask. */
const hashShare = 1 / 4
const hashBytes = 19 * 2 ** 20

/** Bytes that this process may fill: the machine's, or its container's where that is less. */
function memoryLimit(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
}

/**
 * Gives libuv threads for a hash on every core and a few beside them, so that files and names do not wait for hashes; to
 * be called before anything uses them. Node 20 has used them by then to load this very module: there it counts for
 * workers, which start with it, and UV_THREADPOOL_SIZE itself for a process alone on more than four cores.
 */
export function widenThreadPool(environment = process.env, node = process.versions.node): void {
  const isAlone = (environment.WORKERS || '1') === '1'
  if (environment.UV_THREADPOOL_SIZE || (isAlone && Number.parseInt(node, 10) < 22)) return
  environment.UV_THREADPOOL_SIZE = String(availableParallelism() + 4)
}

/**
 * Lets all threads of a worker share one heap of the C library: with one for each they keep 10 MB that nobody uses. What
 * runs already has its own, so a process alone must be told from outside, as the container tells it.
 */
export function shareArena(environment = process.env): void {
  environment.MALLOC_ARENA_MAX ||= '1'
}

/**
 * Reads the configuration. In: the environment, and the bytes that the process may fill; an empty variable counts as unset, except CONTRACTS.
 * @throws ConfigError with every problem at once; it never repeats a value
 */
export function readConfig(
  environment: NodeJS.ProcessEnv = process.env,
  memoryBytes = memoryLimit(),
): Config {
  const { env, problems } = readEnvironment(environment)
  if (env.DATABASE_URL && !env.SECRET_KEY)
    problems.push(
      'SECRET_KEY must be set together with DATABASE_URL: at least 32 bytes, the same for every instance; make one with: openssl rand -base64 48.',
    )
  if (env.DATABASE_READ_URL && !env.DATABASE_URL)
    problems.push(
      'DATABASE_READ_URL must be set together with DATABASE_URL: it leads to a standby of that database.',
    )
  // RFC 6265bis §4.1.3: a browser drops a cookie with such a name that is not Secure.
  const isSecure = env.COOKIE_SECURE
    ? env.COOKIE_SECURE === 'true'
    : (env.PUBLIC_URL?.startsWith('https:') ?? false)
  if (/^__(?:Host|Secure)-/i.test(env.NODELOOM_COOKIE ?? '') && !isSecure)
    problems.push('NODELOOM_COOKIE must not begin with __Host- or __Secure- where cookies are not Secure.')
  const workers = env.WORKERS === 'auto' ? availableParallelism() : Number(env.WORKERS ?? 1)
  if (Number(env.DATABASE_CONNECTIONS ?? workers) < workers)
    problems.push('DATABASE_CONNECTIONS must be at least WORKERS: the workers share them.')
  const { ADMIN_EMAIL, ADMIN_PASSWORD, ADMIN_FIRST_NAME, ADMIN_LAST_NAME } = env
  const named = ADMIN_EMAIL ?? ADMIN_PASSWORD ?? ADMIN_FIRST_NAME ?? ADMIN_LAST_NAME
  if (named !== undefined && (!ADMIN_EMAIL || !ADMIN_PASSWORD))
    problems.push(
      'ADMIN_EMAIL and ADMIN_PASSWORD must be set together, or no ADMIN_ variable at all: they make the first admin at the first start.',
    )
  if (problems.length > 0) throw new ConfigError(problems)

  const host = env.HOST ?? '127.0.0.1'
  const port = Number(env.PORT ?? 3000)
  const shownHost = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host
  const publicUrl = new URL(
    env.PUBLIC_URL ?? `http://${isIP(shownHost) === 6 ? `[${shownHost}]` : shownHost}:${port}`,
  )
  const threadPoolSize = Number(environment.UV_THREADPOOL_SIZE) || 4
  return Object.freeze({
    host,
    port,
    workers,
    databaseConnections: env.DATABASE_CONNECTIONS
      ? Math.floor(Number(env.DATABASE_CONNECTIONS) / workers)
      : Math.max(2, Math.ceil(10 / workers)),
    databaseUrl: env.DATABASE_URL ?? null,
    databaseReadUrl: (env.DATABASE_URL && env.DATABASE_READ_URL) || null,
    databasePooled: env.DATABASE_URL !== undefined && env.DATABASE_POOLER === 'transaction',
    databaseOwnerUrl: env.DATABASE_URL === undefined ? null : (env.DATABASE_MIGRATION_URL ?? null),
    dataDir: resolve(env.DATA_DIR ?? '.data'),
    secretKey: env.SECRET_KEY ?? null,
    previousSecretKey: env.SECRET_KEY_PREVIOUS ?? null,
    keyRotationSeconds: env.KEY_ROTATION_DAYS === '0' ? null : Number(env.KEY_ROTATION_DAYS ?? 30) * 86_400,
    defaultProjectId: env.DEFAULT_PROJECT_ID?.toLowerCase() ?? null,
    contracts:
      env.CONTRACTS === undefined
        ? contracts
        : contracts.filter((name) => list(env.CONTRACTS ?? '').includes(name)),
    contractProjectId: env.CONTRACT_PROJECT_ID?.toLowerCase() ?? null,
    publicUrl: publicUrl.origin,
    sessionCache: env.SESSION_CACHE !== 'off',
    trustedProxies: list(env.TRUSTED_PROXIES ?? ''),
    redisUrl: env.REDIS_URL ?? null,
    cookieSecure: env.COOKIE_SECURE ? env.COOKIE_SECURE === 'true' : publicUrl.protocol === 'https:',
    nodeloomCookie: env.NODELOOM_COOKIE ?? 'nodeloom_session',
    // Nobody else reaches a service under such an address: this is somebody's own machine.
    playground: env.PLAYGROUND ? env.PLAYGROUND === 'true' : isOwnMachine(publicUrl),
    logLevel: (env.LOG_LEVEL as Config['logLevel']) ?? 'info',
    logFormat: (env.LOG_FORMAT as Config['logFormat']) ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    metricsToken: env.METRICS_TOKEN ?? null,
    tracing: readTracing(env),
    maxEventLoopDelayMs: Number(env.MAX_EVENT_LOOP_DELAY_MS ?? 2000),
    smtpUrl: env.SMTP_URL ?? null,
    mailFrom:
      env.MAIL_FROM ?? `Sallyport <no-reply@${publicUrl.hostname.replace(/^[\d.[\]:]+$/, 'localhost')}>`,
    providerSecrets: Object.fromEntries(
      Object.entries(environment).flatMap(([name, value]) =>
        value && name.startsWith('SOCIAL_SECRET_') ? [[name, value] as const] : [],
      ),
    ),
    firstAdmin:
      ADMIN_EMAIL && ADMIN_PASSWORD
        ? {
            email: ADMIN_EMAIL,
            password: ADMIN_PASSWORD,
            firstName: ADMIN_FIRST_NAME ?? null,
            lastName: ADMIN_LAST_NAME ?? null,
          }
        : null,
    threadPoolSize,
    hashSlots: Math.max(
      1,
      Math.min(
        Math.ceil(availableParallelism() / workers),
        threadPoolSize,
        Math.floor((memoryBytes * hashShare) / hashBytes / workers),
      ),
    ),
  })
}

/** Whether an origin is http on the machine's own loopback. */
function isOwnMachine({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Traces are sent where one of the endpoints is set. */
function readTracing(env: Environment): Config['tracing'] {
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT
  const url = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`)
  if (!url) return null
  return {
    url,
    headers: pairs(env.OTEL_EXPORTER_OTLP_HEADERS ?? '') ?? {},
    serviceName: env.OTEL_SERVICE_NAME ?? 'sallyport',
    sampler: (env.OTEL_TRACES_SAMPLER as (typeof samplers)[number]) ?? 'parentbased_always_on',
    ratio: Number(env.OTEL_TRACES_SAMPLER_ARG ?? 1),
  }
}

/** The environment of a process that is started beside this one: this one's, and `more` over it. */
export function environmentWith(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more }
}
