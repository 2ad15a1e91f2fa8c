// The environment variables: name, parser, default and sentence of each. The documentation and `--help` are made from this table.
import { tunings } from '../tuning.ts'
import * as parse from './parsers.ts'

/** Contracts of other products. */
const contracts = ['nodeloom', 'credebl', 'nora'] as const
const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

interface Variable<T, D extends T | null> extends parse.Parser<T> {
  readonly default: D
  /** What the variable does and which values it takes, in Markdown without links. */
  readonly about: string
  /** The default as the documentation shows it, in Markdown. */
  readonly shown: string
}

/** A variable with a fixed default. */
const withDefault = <T>(
  parser: parse.Parser<T>,
  value: T,
  about: string,
  shown = `\`${value}\``,
): Variable<T, T> => ({ ...parser, default: value, about, shown })

/** A variable that is null where it is not set. @param shown what happens then */
const optional = <T>(parser: parse.Parser<T>, about: string, shown = 'none'): Variable<T, null> => ({
  ...parser,
  default: null,
  about,
  shown,
})

const name = parse.characters(0, 255, 'must have at most 255 characters')
const collector = parse.url(/^https?:$/, 'http://127.0.0.1:4318')

export const variables = {
  ENV_FILE: optional(
    parse.anyText,
    'File of variables, in lines such as `NAME=value`, that service and commands read; a variable that is set already stays as it is.',
    '`.env` in the working directory, where it exists',
  ),
  HOST: withDefault(parse.anyText, '127.0.0.1', 'Address to listen on.'),
  PORT: withDefault(
    parse.wholeNumber(0, 65_535, 'must be a port number from 0 to 65535'),
    3000,
    'Port to listen on; `0` takes a free one.',
  ),
  PUBLIC_URL: optional(
    parse.publicAddress,
    'Where people reach the service, with a path where a proxy serves it below one: issuer of tokens, base of links in mails. `https` makes cookies `Secure`.',
    '`http://HOST:PORT`',
  ),
  WORKERS: withDefault(
    parse.processesOrAuto,
    1,
    'Processes that share the port, 1 to 256; `auto` starts one for each core.',
  ),
  DATABASE_URL: optional(
    parse.databaseUrl,
    'PostgreSQL 15 or later: `postgres://user:password@host:5432/database`, with settings of libpq such as `?sslmode=verify-full`.',
    'the embedded PostgreSQL',
  ),
  DATABASE_CONNECTIONS: optional(
    parse.wholeNumber(1, 9999, 'must be a number of database connections, at least 1'),
    'Connections to the database, shared by the workers. Each worker keeps up to two more for housekeeping.',
    '`10`, at least 2 for each worker',
  ),
  DATABASE_POOLER: withDefault(
    parse.oneOf(
      ['none', 'transaction'],
      'must be none, or transaction for a pooler such as PgBouncer in transaction mode',
    ),
    'none',
    '`transaction` where `DATABASE_URL` leads to PgBouncer or another pooler in transaction mode; else `none`.',
  ),
  DATABASE_READ_URL: optional(
    parse.databaseUrl,
    'A standby of the same database, read for account activity and data exports.',
  ),
  DATABASE_MIGRATION_URL: optional(
    parse.databaseUrl,
    'The same database as the role that owns the tables, where the role of `DATABASE_URL` owns none.',
    '`DATABASE_URL`',
  ),
  DATABASE_SCHEMA: optional(
    parse.schemaName,
    'Schema of the tables; it is created where it is missing and may be. `schema=` in `DATABASE_URL` says the same.',
    '`public`',
  ),
  DATA_DIR: withDefault(
    parse.anyText,
    '.data',
    'Folder of the embedded database, captured mail and the generated secret.',
  ),
  SECRET_KEY: optional(
    parse.secret,
    'Master secret of at least 32 bytes, the same for every instance; required with `DATABASE_URL`.',
    'generated with the embedded database',
  ),
  SECRET_KEY_PREVIOUS: optional(
    parse.secret,
    'The secret before this one, until `npx . keys reseal` has replaced it.',
  ),
  KEY_ROTATION_DAYS: withDefault(
    parse.wholeNumber(0, 9999, 'must be a whole number of days, or 0 for never'),
    30,
    'Age in days at which the signing key is replaced; `0` leaves that to `npx . keys rotate`.',
  ),
  DEFAULT_PROJECT_ID: optional(
    parse.projectIdOrNone,
    'Project of requests without the header `project-id`; with `none` the header is required.',
    'the project of the first start',
  ),
  CONTRACTS: withDefault(
    parse.someOf(contracts, 'empty'),
    contracts,
    'Other products whose clients are served: a list of `nodeloom`, `credebl`, `nora`; empty for none.',
    'all',
  ),
  CONTRACT_PROJECT_ID: optional(
    parse.projectId,
    'Project on which those contracts work.',
    'the default project',
  ),
  NODELOOM_COOKIE: withDefault(
    parse.cookieName,
    'nodeloom_session',
    'Name of the session cookie for clients of NodeLoom.',
  ),
  CREDEBL_CRYPTO_KEY: optional(
    parse.anyText,
    'Key that a front end of CREDEBL shares with its server and encrypts passwords with; without it encrypted passwords are refused.',
  ),
  TRUSTED_PROXIES: withDefault(
    parse.proxies,
    [],
    'Addresses or ranges of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8, 127.0.0.1`.',
    'none',
  ),
  REDIS_URL: optional(
    parse.url(/^rediss?:$/, 'redis://user:password@host:6379 or rediss://host:6379'),
    'Redis in which all instances count requests together: `redis://` or `rediss://user:password@host:6379`.',
    'each instance counts in its memory',
  ),
  LIMITS: withDefault(
    parse.onOrOff,
    true,
    'Whether requests are limited by the policy. `off` is for development and refused unless `HOST` and `PUBLIC_URL` are loopback addresses; the lockout after wrong passwords stays.',
    '`on`',
  ),
  SESSION_CACHE: withDefault(
    parse.onOrOff,
    true,
    'Caches sessions, users and API keys for up to 30 seconds. The database reports changes (`LISTEN`, one more connection), so that every instance refuses a revoked session within 100 ms. `off` asks the database each time; behind a pooler in transaction mode the cache stays off.',
    '`on`',
  ),
  COOKIE_SECURE: optional(
    parse.trueOrFalse,
    'Whether cookies are `Secure`: `true` or `false`.',
    '`true` where `PUBLIC_URL` is `https`',
  ),
  PLAYGROUND: optional(
    parse.trueOrFalse,
    'Whether `/playground` is served: `true` or `false`.',
    '`true` where `PUBLIC_URL` is `http` on a loopback address',
  ),
  INBOX: optional(
    parse.trueOrFalse,
    'Whether `/inbox` shows captured mails to this machine: `true` or `false`. `true` is refused where the default is `false`.',
    '`true` where mails are captured, `PUBLIC_URL` is `http` on a loopback address, and `NODE_ENV` is not `production`',
  ),
  SMTP_URL: optional(
    parse.url(/^smtps?:$/, 'smtp://user:password@host:587 or smtps://host:465'),
    'Mail server: `smtp://user:password@host:587` or `smtps://host:465`.',
    'mail is not sent, but captured in `DATA_DIR`; its links are logged where `PUBLIC_URL` is a loopback address',
  ),
  MAIL_FROM: optional(
    parse.sender,
    'Sender of mails, such as `Example <no-reply@example.com>`. A project’s `branding.name` replaces the name; without one it is the project’s.',
    '`no-reply@HOST` with the host of `PUBLIC_URL`',
  ),
  ADMIN_EMAIL: optional(
    parse.mailbox,
    'Address of the first admin, made at the start in the project of the contracts unless the address has an account. Remove the `ADMIN_` variables afterwards.',
  ),
  ADMIN_PASSWORD: optional(
    parse.characters(8, 255, 'must have 8 to 255 characters'),
    'Password of the first admin, 8 to 255 characters.',
  ),
  ADMIN_FIRST_NAME: optional(name, 'First name of the first admin.'),
  ADMIN_LAST_NAME: optional(name, 'Last name of the first admin.'),
  LOG_LEVEL: withDefault(
    parse.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    'info',
    'Least severity of log lines: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  ),
  LOG_FORMAT: optional(
    parse.oneOf(['json', 'pretty'], 'must be json or pretty'),
    'Lines for programs or for people, on standard output. No line holds a secret.',
    '`pretty` at a terminal, else `json`',
  ),
  METRICS_TOKEN: optional(
    parse.bearerToken,
    'Bearer token that a scraper of `/metrics` presents. Without one, `/metrics` answers only programs on this machine, and only where `PUBLIC_URL` is a loopback address; else 404.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    collector,
    'Collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; `/v1/traces` is added.',
    'no traces',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional(
    collector,
    'The whole URL to which traces are sent.',
    '`OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces`',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: optional(
    parse.headers,
    'Headers for the collector: `name=value,other=value`, values percent-encoded.',
  ),
  OTEL_SERVICE_NAME: withDefault(name, 'sallyport', 'Name of the service in traces.'),
  OTEL_TRACES_SAMPLER: withDefault(
    parse.oneOf(samplers),
    'parentbased_always_on',
    'Which requests are traced: `always_on`, `always_off`, `traceidratio`, or one of these with `parentbased_` in front.',
  ),
  OTEL_TRACES_SAMPLER_ARG: withDefault(
    parse.ratio,
    1,
    'Share of requests that `traceidratio` traces, from 0 to 1.',
  ),
  MAX_EVENT_LOOP_DELAY_MS: withDefault(
    parse.wholeNumber(0, 999_999, 'must be a whole number of milliseconds'),
    2000,
    'Delay of the event loop in milliseconds, averaged over a second, beyond which requests are refused with 503; `0` never refuses.',
  ),
  SHUTDOWN_DELAY_MS: withDefault(
    parse.wholeNumber(0, 600_000, 'must be a whole number of milliseconds, at most 600000'),
    0,
    'Milliseconds after SIGTERM in which `/health/ready` answers 503 and every request is still served, until load balancers have noticed; `0` stops at once.',
  ),
  TUNING: withDefault(
    parse.someOf(tunings, 'off'),
    tunings,
    'Which settings of V8, libuv and the C library are applied: a list of `collector`, `thread-pool`, `hash-priority`, `arena`; `off` for none.',
    'all',
  ),
  UV_THREADPOOL_SIZE: optional(
    parse.wholeNumber(1, 1024, 'must be a number of threads from 1 to 1024'),
    'Threads of libuv, which compute password hashes, read files and resolve host names.',
    'cores + 4; with one process on Node 20, `4`',
  ),
} satisfies Record<string, Variable<unknown, unknown>>

type VariableName = keyof typeof variables

/** Variables that begin so hold the secrets of clients at sign-in providers; a project's policy names the variable. */
export const providerSecretPrefix = 'SOCIAL_SECRET_'

/** Variables that begin so hold the secrets that prove us to the old systems of lazy moves; a project's policy names the variable. */
export const importSecretPrefix = 'IMPORT_SECRET_'

/** The values of the variables whose names begin so, by their names. */
export const secretsOf = (environment: NodeJS.ProcessEnv, prefix: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value && name.startsWith(prefix) ? [[name, value]] : [],
    ),
  )

/** The value of each variable: parsed, or its default. */
export type Values = {
  readonly [N in VariableName]:
    | Exclude<ReturnType<(typeof variables)[N]['parse']>, undefined>
    | (typeof variables)[N]['default']
}

/**
 * Reads every variable of the table. An empty variable counts as unset, except CONTRACTS.
 * @returns the values, and a sentence for each text that is not allowed, which does not repeat the text
 */
export function readVariables(environment: NodeJS.ProcessEnv): { values: Values; problems: string[] } {
  const problems: string[] = []
  const values = Object.entries(variables).map(([name, variable]) => {
    const given = environment[name]
    if (given === undefined || (given === '' && name !== 'CONTRACTS')) return [name, variable.default]
    const value = variable.parse(given)
    const { must } = variable
    const why = typeof must === 'string' ? must : must(given)
    if (value === undefined) problems.push(`${name}${why.startsWith('must') ? '' : ':'} ${why}.`)
    return [name, value ?? variable.default]
  })
  return { values: Object.fromEntries(values) as Values, problems }
}
