// The settings that the URL of a database may have: those of libpq (PostgreSQL documentation §34.1.2), of Prisma and of
// postgres.js. Each is taken, or refused with what to do instead.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { DatabaseTarget, TlsVersion } from './target.ts'

/** The settings of a URL while they are read. */
export type Draft = { -readonly [K in keyof DatabaseTarget]: DatabaseTarget[K] } & {
  mode: (typeof modes)[number] | null
  files: Record<'rootCertificate' | 'certificate' | 'key', string | null>
  keyPassword: string | null
  minVersion: TlsVersion | null
  maxVersion: TlsVersion | null
}
/** Takes a value into the draft. @returns what it must be, after "sslmode …"; undefined where it was taken */
type Take = (value: string, draft: Draft) => string | undefined

export const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

const listed = (values: readonly string[]) => `must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`

/** A setting that only these values leave as the driver has it. @param why of the others */
const only =
  (values: readonly string[], why: string): Take =>
  (value) =>
    values.includes(value.toLowerCase()) ? undefined : `${listed(values)}: ${why}`

/** A setting that is refused. @param instead what to do */
const refused =
  (instead: string): Take =>
  () =>
    instead

const text =
  (name: 'user' | 'password' | 'database' | 'applicationName'): Take =>
  (value, draft) => {
    draft[name] = value
    return undefined
  }

/** In the place of a file of root certificates: the authorities that Node knows. */
export const systemRoots = 'system'

/** @returns the file's text, or null where it cannot be read */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

const isCertificate = (pem: string | null): boolean => {
  try {
    return pem !== null && new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

const file =
  (name: keyof Draft['files'], noun: string, isRight: (pem: string | null) => boolean): Take =>
  (value, draft) => {
    draft.files[name] = value
    if (name === 'rootCertificate' && value === systemRoots) return undefined
    return isRight(readText(value))
      ? undefined
      : `must be the path of a PEM file with ${noun} that can be read here`
  }

const tlsVersion =
  (name: 'minVersion' | 'maxVersion'): Take =>
  (value, draft) => {
    draft[name] = value === 'TLSv1.2' || value === 'TLSv1.3' ? value : null
    return draft[name] === null ? 'must be TLSv1.2 or TLSv1.3' : undefined
  }

/** An identifier that can be written into `search_path` without quotes, so that no value can mean two schemas. */
const plainName = /^[a-z_][a-z0-9_]{0,62}$/

const schema: Take = (value, draft) => {
  const name = value.replace(/^"(.*)"$/, '$1')
  if (!plainName.test(name) || name.startsWith('pg_'))
    return 'must be the name of one schema, in small letters, digits and _'
  if (draft.schema !== null && draft.schema !== name) return 'is named twice, and differently'
  draft.schema = name
  return undefined
}

/** Settings that are ours: the service sets them itself at the start of each session. */
const ownSettings =
  /^(?:datestyle|intervalstyle|timezone|bytea_output|row_security|standard_conforming_strings|client_encoding|default_transaction_isolation|statement_timeout|idle_in_transaction_session_timeout|role|session_authorization|session_preload_libraries|sallyport\..*)$/i

/** `-c name=value` and `--name=value`, blanks in a value written as `\ ` (PostgreSQL documentation §34.1.2, options). */
const options: Take = (value, draft) => {
  const words = (value.match(/(?:\\.|[^\s\\])+/g) ?? []).map((word) => word.replace(/\\(.)/g, '$1'))
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    const pair = word === '-c' ? (words[++i] ?? '') : word.replace(/^(?:-c|--)/, '')
    const [, name = '', setting = ''] = /^([a-z][a-z0-9_.-]*)=(.+)$/i.exec(pair) ?? []
    if (pair === word || name === '') return 'must be a list such as -c search_path=auth -c geqo=off'
    if (name.toLowerCase() === 'search_path') {
      const wrong = schema(setting, draft)
      if (wrong) return `with search_path ${wrong}`
    } else if (ownSettings.test(name))
      return 'must not change a setting that Sallyport sets itself; leave it out'
    else draft.settings = { ...draft.settings, [name.replaceAll('-', '_')]: setting }
  }
  return undefined
}

const host: Take = (value, draft) => {
  if (value.includes(',')) return 'must be one host: put a proxy or a name that moves before several servers'
  if (value.startsWith('@')) return 'must not be an abstract socket: name the folder of the socket'
  const bare = value.replace(/^\[(.*)\]$/, '$1')
  if (bare !== '' && !/^(?:\/[^\0]*|[\w.-]+|[0-9a-f:.]+(?:%\w+)?)$/i.test(bare))
    return 'must be a name, an address, or the folder of a Unix socket'
  draft.host = bare || null
  return undefined
}

const port: Take = (value, draft) => {
  if (value.includes(',')) return 'must be one port: put a proxy or a name that moves before several servers'
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0
  if (number < 1 || number > 65_535) return 'must be a port number from 1 to 65535'
  draft.port = number
  return undefined
}

const serverRoles: Readonly<Record<string, DatabaseTarget['role']>> = {
  any: 'any',
  'prefer-standby': 'any',
  'read-write': 'primary',
  primary: 'primary',
  'read-only': 'standby',
  standby: 'standby',
}

const noLibpqFile = 'is not read here; write what it holds into the URL'
const noGss = 'is not offered here: use TLS (sslmode) and a password or a certificate'
const notOurs = 'is not offered here; leave it out'

/** Every setting of libpq, of Prisma's URLs and of postgres.js's, in the order of libpq's documentation. */
export const settings: Readonly<Record<string, Take>> = {
  host,
  hostaddr: refused('is not offered here: name the address as the host'),
  port,
  dbname: text('database'),
  user: text('user'),
  password: text('password'),
  passfile: refused(noLibpqFile),
  require_auth: refused(notOurs),
  channel_binding: only(
    ['disable', 'prefer'],
    'the driver knows no channel binding. sslmode=verify-full protects against the same impostor',
  ),
  connect_timeout: (value, draft) => {
    const seconds = /^\d{1,3}$/.test(value) ? Number(value) : 0
    if (seconds < 1 || seconds > 60) return 'must be a whole number of seconds from 1 to 60'
    draft.connectTimeoutSeconds = seconds
    return undefined
  },
  client_encoding: only(['utf8', 'utf-8', 'unicode', 'auto'], 'the service speaks UTF-8'),
  options,
  application_name: text('applicationName'),
  fallback_application_name: (value, draft) => {
    draft.applicationName ??= value
    return undefined
  },
  keepalives: only(['0', '1'], 'it is a switch'),
  keepalives_idle: refused(notOurs),
  keepalives_interval: refused(notOurs),
  keepalives_count: refused(notOurs),
  tcp_user_timeout: refused(
    'is not offered here: an unanswered statement costs the connection after 6 seconds',
  ),
  replication: only(['false', 'off', 'no', '0'], 'the service replicates nothing'),
  gssencmode: only(['disable', 'prefer'], 'the driver knows no GSSAPI'),
  sslmode: (value, draft) => {
    const mode = modes.find((known) => known === value)
    if (!mode) return listed(modes)
    draft.mode = mode
    return undefined
  },
  ssl: (value, draft) => {
    if (value !== 'true' && value !== 'false') return 'must be true or false; better write sslmode'
    draft.mode ??= value === 'true' ? 'require' : 'disable'
    return undefined
  },
  requiressl: refused('is not offered here: write sslmode=require'),
  sslnegotiation: only(['postgres'], 'the driver asks for TLS first'),
  sslcompression: only(['0'], 'TLS compression is unsafe'),
  sslcert: file('certificate', 'our certificate', isCertificate),
  sslkey: file('key', 'the key of sslcert', (pem) => /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem ?? '')),
  sslpassword: (value, draft) => {
    draft.keyPassword = value
    return undefined
  },
  sslcertmode: only(['allow'], 'the certificate is sent where the server asks for one'),
  sslrootcert: file('rootCertificate', 'the certificates of the authorities', isCertificate),
  sslcrl: refused(notOurs),
  sslcrldir: refused(notOurs),
  sslsni: only(['1'], 'the name of the host is always sent'),
  requirepeer: refused(notOurs),
  ssl_min_protocol_version: tlsVersion('minVersion'),
  ssl_max_protocol_version: tlsVersion('maxVersion'),
  krbsrvname: refused(noGss),
  gsslib: refused(noGss),
  gssdelegation: refused(noGss),
  service: refused(noLibpqFile),
  target_session_attrs: (value, draft) => {
    const role = serverRoles[value]
    if (!role) return listed(Object.keys(serverRoles))
    draft.role = role
    return undefined
  },
  load_balance_hosts: only(['disable'], 'there is one host'),
  // Prisma.
  schema,
  pgbouncer: (value, draft) => {
    if (value !== 'true' && value !== 'false') return 'must be true or false'
    draft.pooled = value === 'true'
    return undefined
  },
  connection_limit: refused('is not offered here: set DATABASE_CONNECTIONS'),
  pool_timeout: refused('is not offered here: a statement waits 3 seconds for a connection'),
  socket_timeout: refused(notOurs),
  statement_cache_size: refused('is not offered here: behind a pooler write pgbouncer=true'),
  sslaccept: refused('is not offered here: write sslmode'),
  sslidentity: refused('is not offered here: write sslcert and sslkey'),
  // postgres.js.
  search_path: schema,
}
