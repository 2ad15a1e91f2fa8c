// Reads the configuration from the environment: a frozen Config, or a ConfigError with every problem at once.
import { isIP } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { isLoopback } from '../formats.ts'
import { threadPoolSize } from '../tuning.ts'
import { databaseConflicts, databasesOf } from './databases.ts'
import { ownEnvironment } from './env-file.ts'
import {
  importSecretPrefix,
  providerSecretPrefix,
  readVariables,
  secretsOf,
  type Values,
} from './variables.ts'

/** Exit code of a process with a wrong configuration (EX_CONFIG of sysexits.h). */
export const exitConfig = 78

/** Thrown with every problem of the configuration at once. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** What the configuration depends on besides the environment. */
const thisMachine = () => ({
  cores: availableParallelism(),
  /** Bytes that this process may fill: the machine's, or its container's where that is less. */
  memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  /** Version of Node, such as 20.9.0. */
  node: process.versions.node,
})

/** Sentences about variables that are not allowed together. */
function conflicts(values: Values, environment: NodeJS.ProcessEnv): string[] {
  const { DATABASE_URL, DATABASE_READ_URL, SECRET_KEY } = environment
  const { ADMIN_EMAIL, ADMIN_PASSWORD, ADMIN_FIRST_NAME, ADMIN_LAST_NAME } = environment
  const problems: string[] = []
  if (DATABASE_URL && !SECRET_KEY)
    problems.push(
      'SECRET_KEY must be set together with DATABASE_URL: at least 32 bytes, the same for every instance; make one with: openssl rand -base64 48.',
    )
  if (DATABASE_READ_URL && !DATABASE_URL)
    problems.push(
      'DATABASE_READ_URL must be set together with DATABASE_URL: it leads to a standby of that database.',
    )
  // RFC 6265bis §4.1.3: a browser drops a cookie with such a name that is not Secure.
  if (/^__(?:Host|Secure)-/i.test(values.NODELOOM_COOKIE) && !isCookieSecure(values))
    problems.push('NODELOOM_COOKIE must not begin with __Host- or __Secure- where cookies are not Secure.')
  if ((values.DATABASE_CONNECTIONS ?? values.WORKERS) < values.WORKERS)
    problems.push('DATABASE_CONNECTIONS must be at least WORKERS: the workers share them.')
  if (!values.LIMITS && !isForThisMachine(values))
    problems.push(
      'LIMITS must not be off where others reach the service: PUBLIC_URL and HOST must be loopback addresses, such as 127.0.0.1.',
    )
  if (values.INBOX && !mayShowInbox(values, environment))
    problems.push(
      'INBOX must not be true where SMTP_URL is set, where PUBLIC_URL is not http on a loopback address, or where NODE_ENV is production: captured mails hold links that open accounts.',
    )
  const isAdminGiven = ADMIN_EMAIL || ADMIN_PASSWORD || ADMIN_FIRST_NAME || ADMIN_LAST_NAME
  if (isAdminGiven && !(ADMIN_EMAIL && ADMIN_PASSWORD))
    problems.push(
      'ADMIN_EMAIL and ADMIN_PASSWORD must be set together, or no ADMIN_ variable at all: they make the first admin at the first start.',
    )
  return problems
}

/** Whether both the listener and PUBLIC_URL can be reached from this machine only. */
const isForThisMachine = (values: Values): boolean =>
  isLoopback((values.PUBLIC_URL ?? localUrl(values)).hostname) &&
  isLoopback(values.HOST === '::1' ? '[::1]' : values.HOST)

/** Whether people reach the service by http on this machine, as its developer does. */
const isLocalHttp = ({ protocol, hostname }: URL): boolean => protocol === 'http:' && isLoopback(hostname)

/** Whether captured mails may be shown: there are some, and the service is a developer's own. */
const mayShowInbox = (values: Values, { NODE_ENV }: NodeJS.ProcessEnv): boolean =>
  values.SMTP_URL === null && isLocalHttp(values.PUBLIC_URL ?? localUrl(values)) && NODE_ENV !== 'production'

const isCookieSecure = ({ COOKIE_SECURE, PUBLIC_URL }: Values): boolean =>
  COOKIE_SECURE ?? PUBLIC_URL?.protocol === 'https:'

export type Config = ReturnType<typeof readConfig>

function readEnvironment(): NodeJS.ProcessEnv {
  try {
    return ownEnvironment()
  } catch (error) {
    const { code = 'no list of variables' } = error as NodeJS.ErrnoException
    throw new ConfigError([
      `ENV_FILE must be a file of lines such as NAME=value that this user can read (${code}); without it, .env in the working directory is read.`,
    ])
  }
}

/**
 * Reads the configuration.
 * @param environment an empty variable counts as unset, except CONTRACTS
 * @param machine overrides of what is read from this machine
 * @throws ConfigError with every problem at once; it never repeats a value
 */
export function readConfig(
  environment: NodeJS.ProcessEnv = readEnvironment(),
  machine: Partial<ReturnType<typeof thisMachine>> = {},
) {
  const { values, problems } = readVariables(environment)
  problems.push(...conflicts(values, environment), ...databaseConflicts(values))
  if (problems.length > 0) throw new ConfigError(problems)

  const { DATABASE_CONNECTIONS: connections, WORKERS: workers } = values
  const { DATABASE_URL, DATABASE_READ_URL, DATABASE_MIGRATION_URL, pooled } = databasesOf(values)
  const publicUrl = values.PUBLIC_URL ?? localUrl(values)
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    /** Processes that share the port; 1: this process alone. */
    workers,
    ...readCapacity(values, { ...thisMachine(), ...machine }),
    /** Connections of each worker's pool. */
    databaseConnections: connections
      ? Math.floor(connections / workers)
      : Math.max(2, Math.ceil(10 / workers)),
    /** Null: the embedded PostgreSQL under dataDir; the other variables of the database mean nothing then. */
    databaseUrl: DATABASE_URL,
    /** A standby of the same database, for reads that may be some seconds old; null: there is none. */
    databaseReadUrl: DATABASE_URL && DATABASE_READ_URL,
    /** True where both URLs lead to a pooler in transaction mode. */
    databasePooled: DATABASE_URL !== null && pooled,
    /** The same database as the owner of the tables, reached without a pooler; null: databaseUrl is the owner's. */
    databaseOwnerUrl: DATABASE_URL && DATABASE_MIGRATION_URL,
    /** Absolute path. */
    dataDir: resolve(values.DATA_DIR),
    /** Null with the embedded database only: generated once and kept in dataDir. */
    secretKey: values.SECRET_KEY,
    previousSecretKey: values.SECRET_KEY_PREVIOUS,
    /** Age at which the signing key is replaced; null: by an operator only. */
    keyRotationSeconds: values.KEY_ROTATION_DAYS * 86_400 || null,
    /** Null: the project made on the first start; 'none': the header is required. */
    defaultProjectId: values.DEFAULT_PROJECT_ID,
    /** Contracts of other products that are mounted. */
    contracts: values.CONTRACTS,
    /** Null: the default project. */
    contractProjectId: values.CONTRACT_PROJECT_ID,
    /** Where people reach the service, without a slash at its end. */
    publicUrl: `${publicUrl.origin}${publicUrl.pathname}`.replace(/\/$/, ''),
    /** True: its host is a loopback address, so only people at this machine are served. */
    isLocal: isLoopback(publicUrl.hostname),
    /** Addresses and CIDR ranges. */
    trustedProxies: values.TRUSTED_PROXIES,
    /** Redis in which all instances count requests; null: each counts in its own memory. */
    redisUrl: values.REDIS_URL,
    /** False on a developer's machine alone: requests are not limited. */
    limits: values.LIMITS,
    sessionCache: values.SESSION_CACHE,
    cookieSecure: isCookieSecure(values),
    nodeloomCookie: values.NODELOOM_COOKIE,
    /** Passphrase of passwords that clients of CREDEBL encrypt; null: such passwords are refused. */
    credeblCryptoKey: values.CREDEBL_CRYPTO_KEY,
    /** True: /playground is served; where not set, on an address that is reached from this machine only. */
    playground: values.PLAYGROUND ?? isLocalHttp(publicUrl),
    /** True: captured mails are shown at /inbox, to this machine alone. */
    inbox: values.INBOX ?? mayShowInbox(values, environment),
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    /** Bearer token for /metrics; null: only this machine reads it, where publicUrl is a loopback address. */
    metricsToken: values.METRICS_TOKEN,
    /** Null: no traces are sent. */
    tracing: readTracing(values),
    /** Delay of the event loop beyond which requests are refused; 0: never. */
    maxEventLoopDelayMs: values.MAX_EVENT_LOOP_DELAY_MS,
    /** Time between a signal to stop and the first refused request. */
    shutdownDelayMs: values.SHUTDOWN_DELAY_MS,
    smtpUrl: values.SMTP_URL,
    /** Without a name, mails are from their project. */
    mailFrom: values.MAIL_FROM ?? `no-reply@${publicUrl.hostname.replace(/^[\d.[\]:]+$/, 'localhost')}`,
    /** Secrets of our clients at sign-in providers, by the name of their variable. */
    providerSecrets: secretsOf(environment, providerSecretPrefix),
    /** Secrets that prove us to the old systems of lazy moves, by the name of their variable. */
    importSecrets: secretsOf(environment, importSecretPrefix),
    /** The account that is made at the first start; null: none. */
    firstAdmin:
      values.ADMIN_EMAIL !== null && values.ADMIN_PASSWORD !== null
        ? {
            email: values.ADMIN_EMAIL,
            password: values.ADMIN_PASSWORD,
            firstName: values.ADMIN_FIRST_NAME,
            lastName: values.ADMIN_LAST_NAME,
          }
        : null,
  })
}

/** Where the service is reached if PUBLIC_URL does not say so. */
function localUrl({ HOST, PORT }: Values): URL {
  const host = ['0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST
  return new URL(`http://${isIP(host) === 6 ? `[${host}]` : host}:${PORT}`)
}

/** Part of the memory that password hashes may fill, and bytes of one hash: 19 MiB. */
const hashShare = 1 / 4
const hashBytes = 19 * 2 ** 20

/** How much the processes do at the same time. All workers together hash once on each core, as far as threads and memory allow. */
function readCapacity(
  { WORKERS: workers, UV_THREADPOOL_SIZE, TUNING: tunings }: Values,
  { cores, memoryBytes, node }: ReturnType<typeof thisMachine>,
) {
  const poolSize = UV_THREADPOOL_SIZE ?? threadPoolSize(tunings, { workers, cores, node })
  const byMemory = Math.floor((memoryBytes * hashShare) / hashBytes / workers)
  return {
    /** Settings of `tuning.ts` that are applied. */
    tunings,
    /** Threads of libuv's pool in the processes that serve. */
    threadPoolSize: poolSize,
    /** Password hashes that each worker computes at the same time. */
    hashSlots: Math.max(1, Math.min(Math.ceil(cores / workers), poolSize, byMemory)),
  }
}

/** Traces are sent where one of the endpoints is set. */
function readTracing(values: Values) {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`)
  if (!url) return null
  return {
    url,
    headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    serviceName: values.OTEL_SERVICE_NAME,
    sampler: values.OTEL_TRACES_SAMPLER,
    ratio: values.OTEL_TRACES_SAMPLER_ARG,
  }
}

/** Whether NODE_ENV says that people are served, and not a developer or a test. */
export const isProduction = (): boolean => process.env.NODE_ENV === 'production'

/** The environment of a child process: this process's, and `more` over it. */
export function environmentWith(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more }
}

/** Sets variables of this process that are not set; child processes inherit them. */
export function setDefaults(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) process.env[name] ||= value
}
