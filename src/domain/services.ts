// Builds the services that live as long as the process and serve every project. Sends no statement.
import { deriveKey } from '../crypto/secrets.ts'
import type { OldSystemCheck } from '../outgoing/old-system.ts'
import type { WebhookSender } from '../outgoing/webhook-sender.ts'
import type { Stores } from '../repositories/store.ts'
import type { BreachedRange } from '../social/breached-range.ts'
import type { Providers } from '../social/providers.ts'
import { type ChangeFeed, noChangeFeed } from './change-feed.ts'
import type { ServiceKeys, Services } from './context.ts'
import { createPasswordHashing, type PasswordHashingOptions } from './credentials/passwords.ts'
import { noObserver, type Observer } from './observer.ts'
import { ProjectCache } from './projects/project-cache.ts'
import { createSessionCache } from './sessions/session-cache.ts'
import { createConcurrencyLimit } from './throttling/concurrency-limit.ts'

/** Master secrets, newest first. */
export type Secrets = readonly [string, ...string[]]

/** Derives the 32-byte key for one use from each master secret, newest first. */
export function keysFor([newest, ...older]: Secrets, use: string): [Buffer, ...Buffer[]] {
  const derive = (secret: string) => deriveKey(Buffer.from(secret, 'utf8'), use)
  return [derive(newest), ...older.map(derive)]
}

/** Derives the keys of the services from the master secrets. */
export const serviceKeys = (secrets: Secrets): ServiceKeys => ({
  lookup: keysFor(secrets, 'lookup')[0],
  mail: keysFor(secrets, 'mail')[0],
  flow: keysFor(secrets, 'social'),
  idempotency: keysFor(secrets, 'idempotency'),
  answers: keysFor(secrets, 'idempotency-answers'),
  sealing: keysFor(secrets, 'seal'),
})

export interface ServicesOptions extends PasswordHashingOptions {
  readonly stores: Stores
  readonly publicUrl: string
  readonly keys: ServiceKeys
  readonly providers: Providers
  readonly webhookSender: WebhookSender
  /** Default: no passwords are known as breached. */
  readonly breachedRange?: BreachedRange | undefined
  /** Default: every password is refused. */
  readonly askOldSystem?: OldSystemCheck | undefined
  /** Default: none; then sessions and API keys are not cached, and projects only for their maximum age. */
  readonly changeFeed?: ChangeFeed | undefined
  readonly observer?: Observer | undefined
  /** Default: this machine's clock. */
  readonly now?: (() => number) | undefined
}

/** Sessions in the cache if none has much metadata: 1.8 kB each. */
const sessionCapacity = 5000
/** API keys in the cache if no user has much metadata: 2 kB each. */
const apiKeyCapacity = 2500
/** Attempts that may wait for one account and address. */
const maxWaitingAttempts = 256

/** Creates the services of a process from its adapters and keys. */
export function createServices(options: ServicesOptions): Services {
  const {
    stores,
    publicUrl,
    keys,
    providers,
    webhookSender,
    breachedRange = async () => null,
    askOldSystem = async () => ({ kind: 'wrong' }),
    changeFeed = noChangeFeed,
    observer = noObserver,
    now = Date.now,
  } = options
  return {
    stores,
    publicUrl,
    keys,
    providers,
    webhookSender,
    breachedRange,
    askOldSystem,
    observer,
    now,
    passwords: createPasswordHashing(options),
    projects: new ProjectCache(stores, changeFeed),
    sessionCache: createSessionCache(changeFeed, sessionCapacity),
    apiKeyCache: createSessionCache(changeFeed, apiKeyCapacity),
    attempts: createConcurrencyLimit(maxWaitingAttempts),
  }
}
