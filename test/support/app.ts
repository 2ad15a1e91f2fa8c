// The real service on its own database, listening on a real port; every answer is checked against the OpenAPI document.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { type RunningApp, startApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import type { Argon2Parameters } from '../../src/crypto/passwords.ts'
import { isMigrated } from '../../src/database/migrations.ts'
import { createProject, setPolicy } from '../../src/domain/projects/projects.ts'
import { contractNames } from '../../src/http/server-options.ts'
import { createLogger } from '../../src/observability/logging.ts'
import { contractViolation } from './contract.ts'
import { createDatabase, storesOn } from './database.ts'
import { cheapParameters } from './domain.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON, or the text of anything else. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape, right or wrong
  readonly body: any
  /** Name to value of every cookie that was set; an empty value is a cleared one. */
  readonly cookies: Record<string, string>
}

export interface RequestOptions {
  readonly headers?: Record<string, string>
  /** Sent as JSON, unless it is a string or bytes; then as it is. */
  readonly body?: unknown
}

export interface TestApp {
  readonly url: string
  readonly databaseUrl: string
  readonly dataDir: string
  readonly projectId: string
  readonly projectSecret: string
  /** A raw connection to the app's database, to read rows and change their times. */
  readonly sql: Sql
  readonly mailbox: Mailbox
  /** Every log line so far, parsed. */
  readonly logs: Record<string, unknown>[]
  readonly running: RunningApp
  readonly config: Config
  /** Sends a request to `/api/auth<path>` in the test's project, as JSON. Fails the test if the answer breaks the document. */
  api(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** The same for any path and without a project header. */
  send(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Signs up a new user; the answer's body holds the tokens. */
  signUp(facts?: Record<string, unknown>): Promise<Answer & { email: string; password: string }>
  /** Creates another project. */
  project(policy?: unknown): Promise<{ id: string; secret: string }>
  /** Replaces the policy of the test's project; takes effect before it returns. */
  setPolicy(policy: unknown): Promise<void>
  close(): Promise<void>
}

interface Test {
  teardown(work: () => unknown): void
  fail(...message: [string, Record<string, unknown>]): unknown
}

export interface TestAppOptions {
  readonly policy?: unknown
  /** Environment variables over the test's own. */
  readonly env?: Record<string, string>
  /** An existing database with its data; default: a new one. */
  readonly databaseUrl?: string
  /** Default: the cheapest hash. */
  readonly passwordParameters?: Argon2Parameters
}

/** Limits so high that no test reaches one by accident. */
export const wideLimits = {
  limits: {
    credential: { max: 100_000, window_seconds: 900 },
    mail: { max: 100_000, window_seconds: 900 },
    read: { max: 1_000_000, window_seconds: 60 },
  },
}

export const testSecretKey = 'a test secret of more than thirty-two bytes'

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

let users = 0

export async function startTestApp(t: Test, options: TestAppOptions = {}): Promise<TestApp> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase(t))
  const dataDir = await mkdtemp(join(tmpdir(), 'sallyport-app-'))
  const logs: Record<string, unknown>[] = []
  // Changes that the test makes in the database are known to the service before the next request. Tests of their own show
  // that instances see each other's changes within 100 ms.
  let behindItsBack = false
  let known: Promise<unknown> = Promise.resolve()
  const sql = postgres(databaseUrl, {
    max: 4,
    onnotice: () => {},
    debug: () => {
      behindItsBack = true
    },
  })
  const stores = storesOn(sql)
  const policy = merged(options.policy)
  const create = () => createProject({ stores }, 'Test', policy)
  // Before the start, so that the product contracts work on this project too. An empty database has no tables for it yet.
  const early = (await isMigrated(sql)) ? await create() : null
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    SECRET_KEY: testSecretKey,
    PORT: String(await freePort()),
    ...(early ? { CONTRACT_PROJECT_ID: early.project.id } : {}),
    // The test's own work runs on the same event loop, which must not count as overloaded; stall.test.ts sets the limit.
    MAX_EVENT_LOOP_DELAY_MS: '0',
    ...options.env,
  })
  const log = createLogger(config.logLevel, { write: (line) => logs.push(JSON.parse(line)) })
  const running = await startApp(config, log, {
    passwordParameters: options.passwordParameters ?? cheapParameters,
  })
  const { project, secret } = early ?? (await create())

  const mailbox = openMailbox(join(dataDir, 'outbox'))

  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await running.close()
    await sql.end()
    await rm(dataDir, { recursive: true, force: true })
  }
  t.teardown(close)

  /** Paths of a contract that is switched off are in no document. */
  const isOff = (path: string) =>
    contractNames.some((name) => !config.contracts.includes(name) && path.startsWith(`/${name}/`))

  async function send(
    method: string,
    path: string,
    { headers = {}, body }: RequestOptions = {},
  ): Promise<Answer> {
    if (behindItsBack) {
      behindItsBack = false
      known = running.awaitChanges()
    }
    await known
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(`${running.url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: (raw ? body : JSON.stringify(body)) as string }),
    })
    const text = await response.text()
    const mediaType = (response.headers.get('content-type') ?? '').split(';')[0] ?? ''
    const parsed = mediaType.endsWith('json') ? JSON.parse(text) : text
    const violation = isOff(path)
      ? null
      : contractViolation(method, path.split('?')[0] ?? '', {
          status: response.status,
          mediaType,
          body: parsed,
        })
    if (violation) t.fail('the answer breaks the published document', { violation, body: parsed })
    const cookies = Object.fromEntries(
      response.headers.getSetCookie().map((line) => {
        const pair = line.split(';', 1)[0] ?? ''
        return [pair.slice(0, pair.indexOf('=')), decodeURIComponent(pair.slice(pair.indexOf('=') + 1))]
      }),
    )
    return { status: response.status, headers: response.headers, body: parsed, cookies }
  }

  const api: TestApp['api'] = (method, path, { headers = {}, body } = {}) =>
    send(method, `/api/auth${path}`, { headers: { 'project-id': project.id, ...headers }, body })

  return {
    url: running.url,
    databaseUrl,
    dataDir,
    projectId: project.id,
    projectSecret: secret,
    sql,
    mailbox,
    logs,
    running,
    config,
    api,
    send,
    async signUp(facts = {}) {
      const email = `user-${process.pid}-${++users}@example.com`
      const password = 'a good long password'
      const sent = { email, password, ...facts }
      const answer = await api('POST', '/signup', { body: sent })
      return { ...answer, email: String(sent.email), password: String(sent.password) }
    },
    async project(policy) {
      const made = await createProject({ stores }, 'Another', merged(policy))
      return { id: made.project.id, secret: made.secret }
    },
    async setPolicy(policy) {
      await setPolicy({ stores }, project.id, merged(policy))
      // Without a change feed the service reads it within two seconds, which has its own test.
      if (!(await running.awaitChanges())) await new Promise((resolve) => setTimeout(resolve, 2000))
    },
    close,
  }
}

function merged(policy: unknown): Record<string, unknown> {
  const given = (policy ?? {}) as Record<string, unknown>
  return { ...wideLimits, ...given, limits: { ...wideLimits.limits, ...((given.limits as object) ?? {}) } }
}

/** `Authorization` for an answer that holds tokens. */
export function bearer(answer: Answer): Record<string, string> {
  return { authorization: `Bearer ${answer.body.access_token}` }
}

/** `Cookie` for an answer that set cookies. */
export function cookieHeader(answer: Answer): Record<string, string> {
  return {
    cookie: Object.entries(answer.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; '),
  }
}
