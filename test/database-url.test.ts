// The URL of the database as libpq reads it: each setting is taken, or refused by name in a sentence that holds no password.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, readConfig } from '../src/config/config.ts'
import { DatabaseUrlError, readDatabaseUrl } from '../src/database-url/read.ts'

const secret = 'x'.repeat(32)
const from = 'postgres://ada:s3cr%20t@db.example.com:5433/auth'
const withSettings = (settings: string) => readDatabaseUrl(`${from}?${settings}`)
const problemsOf = (url: string): string => {
  try {
    readDatabaseUrl(url)
  } catch (error) {
    if (error instanceof DatabaseUrlError) return error.message
    throw error
  }
  return ''
}

t.test('the parts of a URL, percent-encoded or not', async (t) => {
  t.match(readDatabaseUrl(from), {
    host: 'db.example.com',
    port: 5433,
    user: 'ada',
    password: 's3cr t',
    database: 'auth',
    schema: null,
    applicationName: null,
    connectTimeoutSeconds: 5,
    pooled: false,
    role: 'any',
  })
  const shapes: [url: string, found: Record<string, unknown>][] = [
    ['postgresql://', { host: null, port: null, user: null, password: null, database: null }],
    ['postgres:///auth', { host: null, database: 'auth' }],
    ['postgres://db', { host: 'db', database: null }],
    ['postgres://ada@db', { user: 'ada', password: null }],
    ['postgres://[::1]:6000/auth', { host: '::1', port: 6000 }],
    ['postgres://ada@[2001:db8::7]/auth', { host: '2001:db8::7', port: null }],
    ['postgres://ada@/auth?host=/var/run/postgresql', { host: '/var/run/postgresql', database: 'auth' }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/auth', { host: '/var/run/postgresql' }],
    [
      'postgres:///?host=/tmp&port=5544&user=b&password=c&dbname=d',
      { port: 5544, user: 'b', password: 'c', database: 'd' },
    ],
    [
      'postgres://ada%40corp:p%40ss%3A%2F%3F%23%25@db/my%20auth%2Fdb',
      { user: 'ada@corp', password: 'p@ss:/?#%', database: 'my auth/db' },
    ],
    ['postgres://ada:a@b#c+d@db/auth', { password: 'a@b#c+d', host: 'db' }],
    ['postgres://ada:%C3%A9@db/%E6%97%A5', { password: 'é', database: '日' }],
  ]
  for (const [url, found] of shapes) t.match(readDatabaseUrl(url), found, url)
})

t.test('sslmode says how a connection is encrypted, as libpq does', async (t) => {
  const tls = (settings: string) => withSettings(settings).tls
  t.match(tls(''), { optional: true, verify: 'nothing' }, 'prefer is the default')
  t.equal(tls('sslmode=disable'), null)
  for (const mode of ['allow', 'prefer'])
    t.match(tls(`sslmode=${mode}`), { optional: true, verify: 'nothing' })
  t.match(tls('sslmode=require&channel_binding=prefer'), { optional: false, verify: 'nothing' })
  t.match(tls('ssl=true'), { optional: false, verify: 'nothing' })
  t.match(tls('sslmode=verify-ca'), { optional: false, verify: 'authority' })
  t.match(tls('sslmode=verify-full'), { optional: false, verify: 'host', rootCertificate: null })
  t.match(tls('sslrootcert=system'), { optional: false, verify: 'host', rootCertificate: null })
  t.match(tls('sslmode=verify-full&ssl_min_protocol_version=TLSv1.3'), { minVersion: 'TLSv1.3' })
  for (const host of ['localhost', '127.0.0.1', '[::1]', ''])
    t.equal(readDatabaseUrl(`postgres://${host}/auth`).tls, null, 'this machine is not asked for TLS')
  t.equal(readDatabaseUrl('postgres:///a?host=/tmp&sslmode=prefer').tls, null, 'a socket has none')
  t.match(readDatabaseUrl('postgres://localhost/auth?sslmode=require').tls, { optional: false })
})

t.test('the files of TLS are read when the URL is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-url-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'text.pem')
  writeFileSync(file, 'no certificate')
  for (const setting of ['sslrootcert', 'sslcert', 'sslkey'])
    for (const path of [file, join(folder, 'nothing'), folder])
      t.match(
        problemsOf(`${from}?sslmode=verify-ca&${setting}=${path}`),
        new RegExp(`^${setting} must be the path of a PEM file`),
      )
  const key = join(folder, 'key.pem')
  writeFileSync(key, '-----BEGIN PRIVATE KEY-----\n')
  t.match(problemsOf(`${from}?sslkey=${key}`), /sslcert and sslkey must be set together/)
  t.match(
    problemsOf(`${from}?sslrootcert=system&sslmode=require`),
    /sslmode=verify-full/,
    'never weaker than it looks',
  )
})

t.test('what else is taken', async (t) => {
  t.equal(withSettings('application_name=my%20app').applicationName, 'my app')
  t.equal(withSettings('connect_timeout=10').connectTimeoutSeconds, 10)
  t.equal(withSettings('pgbouncer=true').pooled, true)
  for (const setting of [
    'schema=auth',
    'search_path=auth',
    'options=-c%20search_path%3Dauth',
    'options=--search_path%3Dauth',
    'options=-csearch_path=auth',
  ])
    t.equal(withSettings(setting).schema, 'auth', setting)
  t.equal(withSettings('schema=auth&options=-c%20search_path%3Dauth').schema, 'auth')
  t.same(withSettings('options=-c%20geqo%3Doff%20-c%20work_mem%3D8MB').settings, {
    geqo: 'off',
    work_mem: '8MB',
  })
  t.equal(withSettings('target_session_attrs=read-write').role, 'primary')
  t.equal(withSettings('target_session_attrs=standby').role, 'standby')
  t.equal(
    problemsOf(
      `${from}?keepalives=1&gssencmode=disable&sslsni=1&client_encoding=UTF8&load_balance_hosts=disable`,
    ),
    '',
  )
})

t.test('what cannot be kept is refused by its name', async (t) => {
  const wrong: [settings: string, says: RegExp][] = [
    ['sslmode=strict', /^sslmode must be disable, allow, prefer, require, verify-ca or verify-full$/],
    ['sslmode=no-verify', /^sslmode must be/],
    ['channel_binding=require', /^channel_binding must be disable or prefer: .*verify-full/],
    ['connect_timeout=0', /^connect_timeout must be a whole number of seconds/],
    ['connect_timeout=soon', /^connect_timeout/],
    ['target_session_attrs=master', /^target_session_attrs must be any, /],
    ['pgbouncer=yes', /^pgbouncer must be true or false$/],
    ['connection_limit=1', /^connection_limit .*DATABASE_CONNECTIONS/],
    ['schema=auth,public', /^schema must be the name of one schema/],
    ['schema=pg_catalog', /^schema must be/],
    ['schema=a&search_path=b', /^search_path is named twice/],
    ['options=-c%20datestyle%3DGerman', /^options must not change a setting that Sallyport sets itself/],
    ['options=-c%20role%3Dpostgres', /^options must not/],
    ['options=nonsense', /^options must be a list such as/],
    ['service=prod', /^service is not read here/],
    ['passfile=/root/.pgpass', /^passfile/],
    ['hostaddr=10.0.0.1', /^hostaddr/],
    ['sslcrl=/x', /^sslcrl is not offered/],
    ['gssencmode=require', /^gssencmode/],
    ['client_encoding=LATIN1', /^client_encoding/],
    ['port=70000', /^port must be a port number/],
    ['host=a,b', /^host must be one host/],
    ['shema=auth', /^it has a setting that is not known; known are host, /],
    ['application_name=100%', /^application_name has a % that does not begin/],
  ]
  for (const [settings, says] of wrong) t.match(problemsOf(`${from}?${settings}`), says, settings)
  t.match(problemsOf('postgres://a:5432,b:5432/auth'), /one host/)
  t.match(problemsOf('postgres://a,b/auth'), /one host/)
  t.match(problemsOf('postgres://ada:x@db:port/auth'), /^its port must be/)
  t.match(problemsOf('postgres://ada:100%@db/auth'), /^its password has a % .*write %25/)
  t.match(problemsOf('postgres://ada:%FF@db/auth'), /^its password has a %/)
  t.match(problemsOf('postgres://ada:%00@db/auth'), /^its password has a %/)
  t.match(problemsOf('postgres:///a?host=/tmp&sslmode=require'), /Unix socket/)
  t.match(problemsOf(`${from}?sslmode=x&connect_timeout=y`), /sslmode .*; connect_timeout /, 'all at once')
  for (const url of ['mysql://db/auth', 'db', '', 'postgres:db', 'postgres:/db', ' postgres://db'])
    t.match(problemsOf(url), /^must be a URL such as/, url)
})

t.test('no sentence repeats a password, however the URL is broken', async (t) => {
  const passwords = [
    'hunter2',
    'hunter2?x=1',
    'hunter2&hunter2=1',
    '1?hunter2=x',
    '1/hunter2',
    'hunter2%',
    '[hunter2]',
    'hunter2,hunter2',
    'hunter2#hunter2',
  ]
  for (const password of passwords)
    for (const url of [
      `postgres://ada:${password}@db/auth`,
      `postgres://db/auth?password=${password}`,
      `postgres://ada:${password}@db:x/auth?y=%`,
      `postgres://${password}@:/`,
    ])
      t.notMatch(problemsOf(url), /hunter2/, url)
})

t.test('the three URLs are read alike, and agree', async (t) => {
  const refusedBy = (environment: Record<string, string>) => {
    try {
      readConfig({ SECRET_KEY: secret, DATABASE_URL: from, ...environment })
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.problems
      throw error
    }
  }
  for (const name of ['DATABASE_URL', 'DATABASE_MIGRATION_URL', 'DATABASE_READ_URL']) {
    t.match(refusedBy({ [name]: `${from}?channel_binding=require` }), [
      new RegExp(`^${name}: channel_binding must be`),
    ])
    t.match(refusedBy({ [name]: 'postgres://ada:100%@db/auth' }), [new RegExp(`^${name}: its password`)])
  }
  t.match(refusedBy({ DATABASE_READ_URL: `${from}?schema=other` }), [
    /^DATABASE_READ_URL must name the same schema/,
  ])
  t.match(refusedBy({ DATABASE_URL: `${from}?target_session_attrs=standby` }), [
    /^DATABASE_URL must not have this target_session_attrs/,
  ])
  t.match(refusedBy({ DATABASE_READ_URL: `${from}?target_session_attrs=primary` }), [
    /^DATABASE_READ_URL must not/,
  ])
  for (const name of ['Auth', 'a b', 'pg_auth', 'a;b', '"a"'])
    t.match(refusedBy({ DATABASE_SCHEMA: name }), [/^DATABASE_SCHEMA must be the name of a schema/], name)

  const config = readConfig({
    SECRET_KEY: secret,
    DATABASE_URL: `${from}?pgbouncer=true&schema=auth`,
    DATABASE_MIGRATION_URL: from,
    DATABASE_READ_URL: `${from}?sslmode=require`,
  })
  t.equal(config.databasePooled, true)
  t.equal(config.databaseOwnerUrl, `${from}?schema=auth`)
  t.equal(config.databaseReadUrl, `${from}?sslmode=require&schema=auth`)
  t.equal(
    readConfig({ SECRET_KEY: secret, DATABASE_URL: from, DATABASE_SCHEMA: 'auth' }).databaseUrl,
    `${from}?schema=auth`,
  )
})
