// The service for tests: the real one, on a cluster of its own, with a clock that can be advanced and captured mails.
import { randomBytes } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { type RunningApp, startApp } from '../app.ts'
import { type Config, readConfig } from '../config/config.ts'
import { freePort } from '../database/embedded/free-port.ts'
import { ensureSecretKey } from '../database/secret-file.ts'
import { operatorContext } from '../domain/context.ts'
import { createUser } from '../domain/operators/users.ts'
import { ensureDefaultProject, rotateProjectSecret, setPolicy } from '../domain/projects/projects.ts'
import { createLogger } from '../observability/logging.ts'
import { Started } from '../started.ts'
import { advanceClock, installClock, readClock } from './clock.ts'
import { startTestCluster } from './clusters.ts'

export interface TestServiceOptions {
  /** The policy of the project, over the defaults. */
  readonly project?: unknown
  /** Default: a free one. */
  readonly port?: number | undefined
  /** Variables of the service over those of a test. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** An account for a test; missing fields are made up. */
export interface TestUserFacts {
  readonly email?: string
  /** Null: the account has none. */
  readonly password?: string | null
  readonly displayName?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly role?: 'user' | 'admin'
  /** Default: true. */
  readonly verified?: boolean
}

/** What a test may do with the service besides its requests. */
export interface TestService {
  readonly url: string
  readonly projectId: string
  readonly projectSecret: string
  /** @throws UserFactsError; AuthError email_taken */
  createUser(
    facts: TestUserFacts,
  ): Promise<{ id: number; uuid: string; email: string; password: string | null }>
  /** @param seconds more than 0 @returns the time afterwards, in milliseconds since 1970 */
  advance(seconds: number): Promise<number>
  /** Milliseconds since 1970. */
  now(): Promise<number>
  close(): Promise<void>
}

const connect = (url: string): Sql => postgres(url, { max: 1, onnotice: () => {} })

/** Starts the service on a database; again where the free port was taken meanwhile. */
async function startOn(
  url: string,
  dataDir: string,
  { port, env = {} }: TestServiceOptions = {},
): Promise<{ app: RunningApp; config: Config }> {
  for (let attempt = 1; ; attempt++) {
    const config = readConfig({
      LIMITS: 'off',
      LOG_LEVEL: 'error',
      // The tests share the machine: a busy one must not be taken for an overloaded service.
      MAX_EVENT_LOOP_DELAY_MS: '0',
      // An entry would outlast an advance of the clock.
      SESSION_CACHE: 'off',
      ...env,
      // Never a database of others: a start gives its default project another secret.
      DATABASE_URL: url,
      DATA_DIR: dataDir,
      SECRET_KEY: await ensureSecretKey(dataDir),
      HOST: '127.0.0.1',
      PORT: String(port ?? (await freePort())),
    })
    const log = createLogger(config.logLevel, { write: (line) => process.stderr.write(line) })
    try {
      return { app: await startApp(config, log), config }
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isTaken || port !== undefined || attempt === 5) throw error
    }
  }
}

/** Prepares a new cluster to be copied: installs the clock, migrates, and runs the first start, so that a copy starts fast. */
async function prepare({ url }: { readonly url: string }, dataDir: string): Promise<void> {
  const sql = connect(url)
  try {
    await installClock(sql)
    const { app } = await startOn(url, dataDir)
    await app.close(0)
    // No test connects to these, and they are two thirds of the files.
    for (const name of ['template0', 'template1', 'postgres'])
      await sql
        .unsafe(`alter database ${name} with is_template false`)
        .then(() => sql.unsafe(`drop database ${name}`))
  } finally {
    await sql.end()
  }
}

/** Starts the service. @throws ConfigError, PolicyError, EmbeddedDatabaseError: sentences; nothing is left then */
export async function startTestService(options: TestServiceOptions): Promise<TestService> {
  const cluster = await startTestCluster(prepare)
  const sql = connect(cluster.url)
  const started = new Started()
  started.add(cluster, (it) => it.remove())
  started.add(sql, (it) => it.end())
  try {
    const { app } = await startOn(cluster.url, cluster.dataDir, options)
    started.add(app, (it) => {
      // Requests that a test left open, such as a long poll, would delay the end.
      it.server.server.closeAllConnections()
      return it.close(0)
    })
    const { services } = app
    const { id: projectId } = await ensureDefaultProject(services)
    // No request can have read the project yet.
    if (options.project !== undefined) await setPolicy(services, projectId, options.project)
    const { secret: projectSecret } = await rotateProjectSecret(services, projectId)
    return {
      url: app.url,
      projectId,
      projectSecret,
      ...verbs(app, projectId, sql),
      close: () => started.close(),
    }
  } catch (error) {
    await started.close()
    throw error
  }
}

function verbs({ services, checkClock }: RunningApp, projectId: string, sql: Sql) {
  const now = async () => (await readClock(sql)).getTime()
  return {
    now,
    async createUser(facts: TestUserFacts) {
      const made = randomBytes(9).toString('hex')
      const { email = `user-${made}@example.com`, password = `test-${made}`, ...given } = facts
      const ctx = operatorContext(services, await services.projects.get(projectId))
      const user = await createUser(ctx, { verified: true, ...given, email, password })
      return { id: user.id, uuid: user.uuid, email: user.email, password }
    },
    async advance(seconds: number) {
      await advanceClock(sql, seconds)
      await checkClock()
      return now()
    },
  }
}
