// Reads the URL of a database as libpq does (PostgreSQL documentation §34.1.1.2).
import { type Draft, modes, settings, systemRoots } from './settings.ts'
import type { DatabaseTarget, TlsTarget } from './target.ts'

/** A URL that was not understood; `problems` are parts of a sentence and repeat no value but those of a closed list. */
export class DatabaseUrlError extends Error {
  override name = 'DatabaseUrlError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

/** Scheme, user and password up to the last @, host and port, database, settings. */
const shape =
  /^postgres(?:ql)?:\/\/(?:([^/?]*)@)?(\[[^\]/?]*\]|[^:/?]*)(?::([^/?]*))?(?:\/([^?]*))?(?:\?(.*))?$/is

const must = 'must be a URL such as postgres://user:password@host:5432/database'

/**
 * Reads the URL of a database.
 * @throws DatabaseUrlError with every problem at once; it never repeats a password
 */
export function readDatabaseUrl(url: string): DatabaseTarget {
  const parts = shape.exec(url)
  if (!parts) throw new DatabaseUrlError([must])
  const [, login = '', place = '', givenPort, database, query = ''] = parts
  const draft: Draft = {
    host: null,
    port: null,
    user: null,
    password: null,
    database: null,
    tls: null,
    schema: null,
    applicationName: null,
    connectTimeoutSeconds: 5,
    settings: {},
    pooled: false,
    role: 'any',
    mode: null,
    keyPassword: null,
    minVersion: null,
    maxVersion: null,
    files: { rootCertificate: null, certificate: null, key: null },
  }
  const problems: string[] = []
  const take = (name: string, written: string | undefined, noun: string): void => {
    if (written === undefined || written === '') return
    const value = decode(written)
    const wrong = value === null ? badEncoding : settings[name]?.(value, draft)
    if (wrong !== undefined) problems.push(`${noun} ${wrong}`)
  }
  const colon = login.indexOf(':')
  take('user', colon < 0 ? login : login.slice(0, colon), 'its user')
  take('password', colon < 0 ? '' : login.slice(colon + 1), 'its password')
  // A comma: libpq would try several hosts in turn.
  take('host', `${place}${givenPort?.includes(',') ? ',' : ''}`, 'its host')
  take('port', givenPort?.includes(',') ? '' : givenPort, 'its port')
  take('dbname', database, 'its database')
  for (const pair of query.split('&').filter(Boolean)) {
    const [written = '', ...value] = pair.split('=')
    const name = decode(written) ?? ''
    // Of a password with a ? in it, what follows would be taken for a name: only names that are known are repeated.
    if (Object.hasOwn(settings, name)) take(name, value.join('='), name)
    else problems.push(`it has a setting that is not known; known are ${Object.keys(settings).join(', ')}`)
  }
  if (problems.length === 0) problems.push(...conflictsOf(draft))
  if (problems.length > 0) throw new DatabaseUrlError(problems)
  const {
    mode: _mode,
    files: _files,
    keyPassword: _key,
    minVersion: _min,
    maxVersion: _max,
    ...target
  } = draft
  return { ...target, tls: tlsOf(draft) }
}

const badEncoding =
  'has a % that does not begin the code of a UTF-8 character, such as %20: write %25 for the sign itself'

/** Percent-decoding, in which a + stays a + (RFC 3986 §2.1). @returns null where the text cannot be decoded */
function decode(written: string): string | null {
  try {
    const value = decodeURIComponent(written)
    return value.includes('\0') ? null : value
  } catch {
    return null
  }
}

function conflictsOf({ files, host, mode }: Draft): string[] {
  const problems: string[] = []
  if (files.rootCertificate === systemRoots && mode !== null && mode !== 'verify-full')
    problems.push('sslrootcert=system needs sslmode=verify-full')
  if ((files.certificate === null) !== (files.key === null))
    problems.push('sslcert and sslkey must be set together')
  if (host?.startsWith('/') && mode !== null && modes.indexOf(mode) > modes.indexOf('prefer'))
    problems.push(`sslmode=${mode} cannot be kept on a Unix socket, which has no TLS: leave it out`)
  return problems
}

const isNearby = (host: string | null) => host === null || /^(?:\/|localhost$|127\.|::1$)/.test(host)

/** As libpq: `prefer` where nothing is said, no TLS on a socket; on this machine nothing is encrypted unless that is asked for. */
function tlsOf({ mode, host, files, keyPassword, minVersion, maxVersion }: Draft): TlsTarget | null {
  const isSystem = files.rootCertificate === systemRoots
  const chosen = mode ?? (isSystem ? 'verify-full' : isNearby(host) ? 'disable' : 'prefer')
  if (chosen === 'disable' || host?.startsWith('/')) return null
  // libpq: with a root certificate, `require` verifies as `verify-ca` does.
  const authority = chosen === 'verify-ca' || (chosen === 'require' && files.rootCertificate !== null)
  return {
    optional: chosen === 'allow' || chosen === 'prefer',
    verify: chosen === 'verify-full' ? 'host' : authority ? 'authority' : 'nothing',
    ...files,
    rootCertificate: isSystem ? null : files.rootCertificate,
    keyPassword,
    minVersion,
    maxVersion,
  }
}
