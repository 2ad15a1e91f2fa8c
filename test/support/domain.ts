// The domain without HTTP, on its own database, with the cheapest password hashes.
import postgres, { type Sql } from 'postgres'
import { createHashScheduler, type HashScheduler } from '../../src/crypto/hash-scheduler.ts'
import { type Argon2, type Argon2Parameters, loadArgon2 } from '../../src/crypto/passwords.ts'
import type { Actor, Caller, Principal } from '../../src/domain/actor.ts'
import type { ChangeFeed } from '../../src/domain/change-feed.ts'
import { type Context, createContext, type ServiceKeys, type Services } from '../../src/domain/context.ts'
import type { Observer } from '../../src/domain/observer.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import { createServices } from '../../src/domain/services.ts'
import { webhookSender } from '../../src/outgoing/webhook-sender.ts'
import { createStores } from '../../src/repositories/store.ts'
import { createProviders } from '../../src/social/providers.ts'
import { createDatabase, storesOn, unwalled } from './database.ts'

export interface TestDomain {
  readonly sql: Sql
  readonly services: Services
  readonly argon2: Argon2
  readonly project: Project
  /** Context of a request; default: without a session, in the test's project. */
  context<A extends Actor | null = null>(
    caller?: Caller,
    actor?: A,
    project?: Project,
  ): Context & { readonly actor: A }
  /** Context of a request in the session of a grant, from a new client. */
  signedIn(
    grant: Omit<Principal, 'key'>,
    caller?: Caller,
    project?: Project,
  ): Context & { readonly actor: Principal }
}

export interface TestDomainOptions {
  readonly policy?: unknown
  readonly parameters?: Argon2Parameters
  readonly scheduler?: HashScheduler
  readonly argon2?: Argon2
  readonly observer?: Observer
  /** Opens a change feed on the URL of the database; default: none. */
  readonly listen?: (url: string) => ChangeFeed & {
    /** Waits until no cache uses an entry from before the call. */
    awaitDelivery(): Promise<void>
  }
  /** Called with each statement when it is sent. */
  readonly onStatement?: (text: string) => void
}

export const cheapParameters: Argon2Parameters = { memoryKib: 64, passes: 1, lanes: 1 }

/** A client without a device token. */
export const stranger: Caller = {
  client: 'canonical',
  address: '192.0.2.1',
  addressPrefix: '192.0.2.0/24',
  userAgent: 'a test',
  device: 'a test',
  provesProject: false,
}

/** PUBLIC_URL of the services of these tests. */
export const testPublicUrl = 'https://auth.example.org'

export const testKeys: ServiceKeys = {
  lookup: Buffer.alloc(32, 1),
  mail: Buffer.alloc(32, 2),
  flow: [Buffer.alloc(32, 3)],
  idempotency: [Buffer.alloc(32, 4)],
  answers: [Buffer.alloc(32, 5)],
  sealing: [Buffer.alloc(32, 6)],
}

/** Services on a test's connections, to act beside a running service; they have other keys. */
export const servicesOn = (sql: Sql): Services =>
  createServices({
    stores: storesOn(sql),
    publicUrl: testPublicUrl,
    keys: testKeys,
    providers: createProviders({ secrets: {} }),
    webhookSender,
    argon2: loadArgon2,
    parameters: cheapParameters,
    scheduler: createHashScheduler(),
  })

export async function createTestDomain(
  t: { teardown(work: () => unknown): void },
  options: TestDomainOptions = {},
): Promise<TestDomain> {
  const { onStatement, observer } = options
  const url = await createDatabase(t)
  const changeFeed = options.listen?.(url)
  const sql = postgres(url, {
    max: 10,
    onnotice: () => {},
    fetch_types: false,
    ...(onStatement && { debug: (_connection: number, text: string) => onStatement(text) }),
  })
  t.teardown(() => sql.end())
  const stores = createStores(unwalled(sql), {
    awaitDelivery: changeFeed && (() => changeFeed.awaitDelivery()),
    recorded: observer?.recorded,
  })
  const argon2 = options.argon2 ?? (await loadArgon2())
  const services = createServices({
    stores,
    publicUrl: testPublicUrl,
    keys: testKeys,
    providers: createProviders({ secrets: {} }),
    webhookSender,
    argon2: async () => argon2,
    parameters: options.parameters ?? cheapParameters,
    scheduler: options.scheduler ?? createHashScheduler(),
    changeFeed,
    observer,
  })
  const { project: own } = await createProject(services, 'Test', options.policy ?? {})
  const context: TestDomain['context'] = (caller = stranger, actor = null as never, project = own) =>
    createContext(services, project, caller, actor)
  return {
    sql,
    services,
    argon2,
    project: own,
    context,
    signedIn: ({ user, sessionId, generation, client }, caller, project) =>
      context<Principal>(caller, { user, sessionId, generation, client }, project),
  }
}
