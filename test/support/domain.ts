// The domain without HTTP, on a database of its own, with hashes that cost next to nothing.
import postgres, { type Sql } from 'postgres'
import { createHashScheduler, type HashScheduler } from '../../src/crypto/hash-scheduler.ts'
import { type Argon2, type Argon2Parameters, loadArgon2 } from '../../src/crypto/passwords.ts'
import type { Notices } from '../../src/database/notices.ts'
import { createDomain, type Domain } from '../../src/domain/index.ts'
import type { Caller } from '../../src/domain/principal.ts'
import type { Project } from '../../src/domain/projects.ts'
import { createStore, type Store } from '../../src/repositories/store.ts'
import { createProviders } from '../../src/social/providers.ts'
import { createDatabase, unwalled } from './database.ts'

export interface TestDomain {
  readonly sql: Sql
  readonly store: Store
  readonly domain: Domain
  readonly argon2: Argon2
  readonly project: Project
}

export interface TestDomainOptions {
  readonly policy?: unknown
  readonly parameters?: Argon2Parameters
  readonly scheduler?: HashScheduler
  readonly argon2?: Argon2
  /** Who tells what changed, on the URL of the database; default nobody. */
  readonly listen?: (url: string) => Notices
  /** Told of each statement as it is sent. */
  readonly onStatement?: (text: string) => void
}

export const cheapParameters: Argon2Parameters = { memoryKib: 64, passes: 1, lanes: 1 }

/** A caller whom nothing is known of. */
export const stranger: Caller = {
  address: '192.0.2.1',
  addressPrefix: '192.0.2.0/24',
  userAgent: 'a test',
  device: 'a test',
  provesProject: false,
}

export async function createTestDomain(
  t: { teardown(work: () => unknown): void },
  options: TestDomainOptions = {},
): Promise<TestDomain> {
  const { onStatement } = options
  const url = await createDatabase(t)
  const notices = options.listen?.(url)
  const sql = postgres(url, {
    max: 10,
    onnotice: () => {},
    fetch_types: false,
    ...(onStatement && { debug: (_connection: number, text: string) => onStatement(text) }),
  })
  t.teardown(() => sql.end())
  const pool = unwalled(sql)
  const store = createStore(pool, pool, notices?.settle)
  const argon2 = options.argon2 ?? (await loadArgon2())
  const domain = await createDomain({
    store,
    argon2,
    parameters: options.parameters ?? cheapParameters,
    scheduler: options.scheduler ?? createHashScheduler(),
    lookupKey: Buffer.alloc(32, 1),
    mailKey: Buffer.alloc(32, 2),
    flowKeys: [Buffer.alloc(32, 3)],
    fingerprintKeys: [Buffer.alloc(32, 4)],
    answerKeys: [Buffer.alloc(32, 5)],
    providers: createProviders({ secrets: {} }),
    ...(notices && { notices }),
  })
  const { project } = await domain.projects.create('Test', options.policy ?? {})
  return { sql, store, domain, argon2, project }
}
