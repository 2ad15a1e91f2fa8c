// The variables of the environment: what each must look like, and the sentence for one that does not.
import { isIP } from 'node:net'
import { FormatRegistry, type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import ipaddr from 'ipaddr.js'

/** Contracts of other products. */
export const contracts = ['nodeloom', 'credebl', 'nora'] as const
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What OTEL_TRACES_SAMPLER can be. */
export const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** Headers as OTEL_EXPORTER_OTLP_HEADERS has them, values percent-encoded; null: it cannot be read. */
export function pairs(text: string): Record<string, string> | null {
  const found = list(text).map((pair) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) *= *([\x20-\x7e]*)$/.exec(pair))
  if (found.includes(null)) return null
  try {
    return Object.fromEntries(found.map((pair) => [pair?.[1] ?? '', decodeURIComponent(pair?.[2] ?? '')]))
  } catch {
    return null
  }
}

/** The entries of a list with commas, without blanks; empty ones do not count. */
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)

function isUrl(text: string, ...protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}

/** Every format that a variable can have: its test, and the sentence for what fails it. */
const formats: Record<string, { test: (text: string) => boolean; say: string }> = {
  port: {
    test: (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
    say: 'must be a port number from 0 to 65535',
  },
  postgres: {
    test: (text) => isUrl(text, 'postgres:', 'postgresql:'),
    say: 'must be a URL such as postgres://user:password@host:5432/database',
  },
  secret: {
    test: (text) => Buffer.byteLength(text) >= 32,
    say: 'must have at least 32 bytes; make one with: openssl rand -base64 48',
  },
  project: {
    test: (text) => text === 'none' || uuid.test(text),
    say: 'must be the UUID of a project, or "none" to demand the header project-id',
  },
  uuid: { test: (text) => uuid.test(text), say: 'must be the UUID of a project' },
  contracts: {
    test: (text) => list(text).every((name) => (contracts as readonly string[]).includes(name)),
    say: `must be a list of ${contracts.join(', ')}, or empty for none`,
  },
  'http-url': {
    test: (text) =>
      isUrl(text, 'http:', 'https:') && /^\/?$/.test(new URL(text).pathname + new URL(text).search),
    say: 'must be the origin where people reach the service, such as https://auth.example.com, without a path',
  },
  proxies: {
    test: (text) => list(text).every((entry) => isIP(entry) !== 0 || ipaddr.isValidCIDR(entry)),
    say: 'must be a list of addresses or ranges such as 10.0.0.0/8, 127.0.0.1',
  },
  'cookie-name': {
    test: (text) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/.test(text),
    say: 'must be the name of a cookie: up to 64 letters, digits and signs such as _ or -',
  },
  days: {
    test: (text) => /^\d{1,4}$/.test(text),
    say: 'must be a whole number of days, or 0 for never',
  },
  workers: {
    test: (text) => text === 'auto' || (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 256),
    say: 'must be a number of processes from 1 to 256, or "auto" for one on each core',
  },
  connections: {
    test: (text) => /^\d{1,4}$/.test(text) && Number(text) >= 1,
    say: 'must be a number of database connections, at least 1',
  },
  'on-off': { test: (text) => text === 'on' || text === 'off', say: 'must be on or off' },
  flag: { test: (text) => text === 'true' || text === 'false', say: 'must be true or false' },
  'log-level': {
    test: (text) => (logLevels as readonly string[]).includes(text),
    say: `must be one of ${logLevels.join(', ')}`,
  },
  'any-http-url': {
    test: (text) => isUrl(text, 'http:', 'https:'),
    say: 'must be a URL such as http://127.0.0.1:4318',
  },
  pairs: { test: (text) => pairs(text) !== null, say: 'must be a list such as name=value,other=value' },
  sampler: {
    test: (text) => (samplers as readonly string[]).includes(text),
    say: `must be one of ${samplers.join(', ')}`,
  },
  ratio: { test: (text) => /^(?:0|1|0?\.\d{1,9}|1\.0+)$/.test(text), say: 'must be a number from 0 to 1' },
  'log-format': { test: (text) => text === 'json' || text === 'pretty', say: 'must be json or pretty' },
  bearer: {
    test: (text) => /^[A-Za-z0-9._~+/-]{16,}=*$/.test(text),
    say: 'must have at least 16 characters of A-Z a-z 0-9 . _ ~ + / -; make one with: openssl rand -hex 24',
  },
  milliseconds: { test: (text) => /^\d{1,6}$/.test(text), say: 'must be a whole number of milliseconds' },
  smtp: {
    test: (text) => isUrl(text, 'smtp:', 'smtps:'),
    say: 'must be a URL such as smtp://user:password@host:587 or smtps://host:465',
  },
  mailbox: {
    test: (text) => /^(?:[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/.test(text),
    say: 'must be an address such as "Example <no-reply@example.com>"',
  },
  address: {
    test: (text) =>
      text.length <= 255 &&
      /^(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(
        text,
      ),
    say: 'must be an e-mail address such as ada@example.com',
  },
  password: {
    test: (text) => [...text].length >= 8 && [...text].length <= 255,
    say: 'must have 8 to 255 characters',
  },
  name: { test: (text) => [...text].length <= 255, say: 'must have at most 255 characters' },
  pooler: {
    test: (text) => text === 'none' || text === 'transaction',
    say: 'must be none, or transaction for a pooler such as PgBouncer in transaction mode',
  },
  redis: {
    test: (text) => isUrl(text, 'redis:', 'rediss:'),
    say: 'must be a URL such as redis://user:password@host:6379 or rediss://host:6379',
  },
}
for (const [name, { test }] of Object.entries(formats)) FormatRegistry.Set(`env-${name}`, test)

const variable = (format: keyof typeof formats) => Type.Optional(Type.String({ format: `env-${format}` }))

const environmentSchema = Type.Object({
  HOST: Type.Optional(Type.String({ minLength: 1 })),
  PORT: variable('port'),
  WORKERS: variable('workers'),
  DATABASE_URL: variable('postgres'),
  DATABASE_POOLER: variable('pooler'),
  DATABASE_MIGRATION_URL: variable('postgres'),
  DATABASE_CONNECTIONS: variable('connections'),
  DATABASE_READ_URL: variable('postgres'),
  DATA_DIR: Type.Optional(Type.String({ minLength: 1 })),
  SECRET_KEY: variable('secret'),
  SECRET_KEY_PREVIOUS: variable('secret'),
  KEY_ROTATION_DAYS: variable('days'),
  DEFAULT_PROJECT_ID: variable('project'),
  CONTRACTS: variable('contracts'),
  CONTRACT_PROJECT_ID: variable('uuid'),
  PUBLIC_URL: variable('http-url'),
  TRUSTED_PROXIES: variable('proxies'),
  REDIS_URL: variable('redis'),
  SESSION_CACHE: variable('on-off'),
  COOKIE_SECURE: variable('flag'),
  NODELOOM_COOKIE: variable('cookie-name'),
  PLAYGROUND: variable('flag'),
  LOG_LEVEL: variable('log-level'),
  LOG_FORMAT: variable('log-format'),
  METRICS_TOKEN: variable('bearer'),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable('any-http-url'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: variable('any-http-url'),
  OTEL_EXPORTER_OTLP_HEADERS: variable('pairs'),
  OTEL_SERVICE_NAME: variable('name'),
  OTEL_TRACES_SAMPLER: variable('sampler'),
  OTEL_TRACES_SAMPLER_ARG: variable('ratio'),
  MAX_EVENT_LOOP_DELAY_MS: variable('milliseconds'),
  SMTP_URL: variable('smtp'),
  MAIL_FROM: variable('mailbox'),
  ADMIN_EMAIL: variable('address'),
  ADMIN_PASSWORD: variable('password'),
  ADMIN_FIRST_NAME: variable('name'),
  ADMIN_LAST_NAME: variable('name'),
})

export type Environment = Static<typeof environmentSchema>

/**
 * Reads our variables. In: an environment; an empty variable counts as unset, except CONTRACTS. Out: those that are set,
 * and a sentence about each that cannot be used, which does not repeat it.
 */
export function readEnvironment(environment: NodeJS.ProcessEnv): { env: Environment; problems: string[] } {
  const given = Object.fromEntries(
    Object.keys(environmentSchema.properties).flatMap((name) => {
      const value = environment[name]
      return value === undefined || (value === '' && name !== 'CONTRACTS') ? [] : [[name, value]]
    }),
  )
  const problems: string[] = []
  for (const { path, schema } of Value.Errors(environmentSchema, given))
    problems.push(
      `${path.slice(1)} ${formats[String(schema.format).slice('env-'.length)]?.say ?? 'must not be empty'}.`,
    )
  return { env: given, problems }
}
