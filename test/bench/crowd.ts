// The databases of a measurement, filled by SQL, and the visitors who hold tokens of sessions that rest in them.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { mintApiKey } from '../../src/crypto/api-key.ts'
import { defaultParameters, loadArgon2, passwordBytes } from '../../src/crypto/passwords.ts'
import { printRefreshToken, refreshKey } from '../../src/crypto/refresh-secret.ts'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { verifyRegistration } from '../../src/crypto/webauthn.ts'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { createAuthenticator } from '../support/authenticator.ts'
import { storesOn } from '../support/database.ts'
import type { Plan, Visitor } from './load.ts'
import {
  type Load,
  publicUrl,
  type Running,
  type ServiceOptions,
  secretKey,
  startService,
} from './processes.ts'

export const password = 'a good long password'

/** Limits that no measurement reaches, and access tokens that outlive it. Everything else is the default. */
const policy = {
  limits: {
    credential: { max: 10_000_000, window_seconds: 900 },
    mail: { max: 10_000_000, window_seconds: 900 },
    read: { max: 10_000_000, window_seconds: 60 },
    project: { max: 10_000_000, window_seconds: 60 },
  },
  // Sign-ups neither need nor send a mail, like better-auth's by default.
  verification: { mode: 'off' },
  lockout: { failures: 1000, window_seconds: 900, base_seconds: 60 },
  tokens: { access_seconds: 86_400 },
}

export interface Place {
  readonly url: string
  readonly projectId: string
  readonly projectSecret: string
  readonly sql: Sql
  /** Addresses of users who sign in repeatedly, which ends their oldest sessions; no visitor uses them. */
  readonly regulars: Set<string>
}

async function onServer<T>(serverUrl: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

/** Migrates an empty database and makes the project of the bench in it. */
async function ownProject(url: string, sql: Sql): Promise<{ id: string; secret: string }> {
  await migrateDatabase(url)
  const { project, secret } = await createProject({ stores: storesOn(sql) }, 'Bench', policy)
  return { id: project.id, secret }
}

/** The same by the commands of another build, whose tables may differ from this one's. */
async function projectOfBuild(build: string, url: string): Promise<{ id: string; secret: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-policy-'))
  const file = join(folder, 'policy.json')
  await writeFile(file, JSON.stringify(policy))
  const run = (...words: string[]) =>
    execFileSync(process.execPath, [join(build, 'dist/src/cli/sallyport.js'), ...words], {
      encoding: 'utf8',
      cwd: build,
      env: { PATH: process.env.PATH ?? '', DATABASE_URL: url, SECRET_KEY: secretKey, DATA_DIR: folder },
    })
  try {
    run('migrate')
    return JSON.parse(run('projects', 'create', '--name', 'Bench', '--policy', file, '--json'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Makes a migrated database with `users` verified users and `sessions` living sessions, all behind one password.
 * @param build the folder of another build whose database it is to be; default: this one
 */
export async function makePlace(
  serverUrl: string,
  name: string,
  { users, sessions }: { users: number; sessions: number },
  build?: string,
): Promise<Place> {
  await onServer(serverUrl, (sql) => sql.unsafe(`create database ${name}`))
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const project = build === undefined ? await ownProject(url, sql) : await projectOfBuild(build, url)
  const hash = await (await loadArgon2()).hash(passwordBytes(password), defaultParameters)
  // The references are valid by construction; checking two million of them would take longer than the bench.
  await sql`set session_replication_role = replica`
  await sql`
    insert into users (uuid, project_id, email, password_hash, display_name, first_name, last_name, email_verified_at)
    select gen_random_uuid(), ${project.id}::uuid, 'user-' || n || '@example.com', ${hash}, 'User ' || n, 'User', 'Number ' || n, now()
    from generate_series(1, ${users}::int) as n`
  await sql`
    insert into sessions (id, project_id, user_id, epoch, expires_at, absolute_expires_at)
    select gen_random_uuid(), ${project.id}::uuid, 1 + n % ${users}::int, 0, now() + interval '30 days', now() + interval '90 days'
    from generate_series(1, ${sessions}::int) as n`
  await sql`set session_replication_role = default`
  await sql`vacuum (analyze) users`
  await sql`vacuum (analyze) sessions`
  await sql`checkpoint`
  return { url, projectId: project.id, projectSecret: project.secret, sql, regulars: new Set() }
}

/** Visitors with random sessions of the table, each with its first refresh token and an API key. */
async function draw({ sql, projectId, regulars }: Place, count: number): Promise<Visitor[]> {
  const rows = await sql<{ id: string; userId: string; email: string; generation: number }[]>`
    select sessions.id, users.id as "userId", users.email, sessions.generation from sessions join users on users.id = sessions.user_id
    where sessions.expires_at > now() and users.email <> all(${[...regulars]}) order by random() limit ${count}`
  const key = refreshKey(deriveKey(Buffer.from(secretKey, 'utf8'), 'refresh'))
  const minted = rows.map(({ userId }) => ({ userId, ...mintApiKey() }))
  await sql`
    insert into api_keys (id, project_id, user_id, name, scopes, key_prefix, key_hash)
    select gen_random_uuid(), ${projectId}::uuid, made.user_id, 'Bench', 'me:read', made.prefix, decode(made.hash, 'hex')
    from unnest(${minted.map(({ userId }) => userId)}::bigint[], ${minted.map(({ prefix }) => prefix)}::text[],
      ${minted.map(({ hash }) => hash.toString('hex'))}::text[]) as made (user_id, prefix, hash)`
  await sql`vacuum (analyze) api_keys`
  return rows.map(({ id, email, generation }, at) => ({
    email,
    access: '',
    refresh: printRefreshToken(key, { sessionId: id, generation }),
    apiKey: minted[at]?.plain ?? '',
  }))
}

/** Adds a passkey to each visitor by SQL, because registrations are not measured. */
export async function enrollPasskeys(place: Place, visitors: readonly Visitor[]): Promise<void> {
  const { sql, projectId } = place
  const authenticator = createAuthenticator({ origin: publicUrl })
  const ceremony = { challenge: 'bench', rpId: 'localhost', origins: new Set([publicUrl]) }
  for (const visitor of visitors) {
    const [user] = await sql<{ id: string; uuid: string }[]>`
      select id, uuid from users where project_id = ${projectId} and email = ${visitor.email}`
    if (!user) throw new Error(`There is no user ${visitor.email}.`)
    const handle = Buffer.from(`${projectId}${user.uuid}`.replaceAll('-', ''), 'hex').toString('base64url')
    const made = authenticator.create({
      rp: { id: ceremony.rpId },
      user: { id: handle },
      challenge: ceremony.challenge,
    })
    const key = await verifyRegistration(made.credential, ceremony)
    if (key.kind === 'refused') throw new Error(`A passkey was refused: ${key.reason}.`)
    await sql`
      insert into passkeys (id, project_id, user_id, credential_id, public_key, name, aaguid, backup_eligible, backed_up, sign_count)
      values (gen_random_uuid(), ${projectId}, ${user.id}, ${key.credentialId}, ${key.publicKey}, 'Bench', ${key.aaguid}, false, false, 0)`
    visitor.passkey = made.kept
  }
}

export const connections = 32

/** A plan for the service or, with another prefix, the limit server; a closed loop unless `over` changes it. */
export function planFor(
  place: Place,
  server: Running,
  over: Pick<Plan, 'kind' | 'seconds'> & Partial<Plan>,
): Plan {
  return {
    port: server.port,
    projectId: place.projectId,
    projectSecret: place.projectSecret,
    password,
    prefix: '/api/auth',
    connections,
    ...over,
  }
}

/** Gives the generator visitors who have refreshed once and used access token and API key once. */
export async function admit(
  load: Load,
  place: Place,
  service: Running,
  count = 2000,
): Promise<readonly Visitor[]> {
  const visitors = await draw(place, count)
  await load.admit(visitors)
  await load.run(planFor(place, service, { kind: 'refresh', seconds: 'once each' }))
  await load.run(planFor(place, service, { kind: 'me', seconds: 'once each' }))
  await load.run(planFor(place, service, { kind: 'me by key', seconds: 'once each' }))
  return visitors
}

/** The service on a place, its log and data in `folder`; `env`: variables besides; `build`: the folder of another build. */
export function serve(
  place: Place,
  folder: string,
  name = 'service',
  { node, env, build }: Pick<ServiceOptions, 'node' | 'env' | 'build'> = {},
) {
  const dataDir = join(folder, `${name}.data`)
  return startService({
    databaseUrl: place.url,
    projectId: place.projectId,
    dataDir,
    log: join(folder, `${name}.log`),
    ...(node && { node }),
    ...(env && { env }),
    ...(build !== undefined && { build }),
  })
}
