// The first argument of every verb: the project, the actor, the client, the project's store, and the services.

import type { OldSystemCheck } from '../outgoing/old-system.ts'
import type { WebhookSender } from '../outgoing/webhook-sender.ts'
import type { Store, Stores } from '../repositories/store.ts'
import type { BreachedRange } from '../social/breached-range.ts'
import type { Providers } from '../social/providers.ts'
import {
  type Actor,
  type Caller,
  commandLine,
  type OperatorAct,
  operatorCaller,
  type Principal,
} from './actor.ts'
import type { CachedApiKey } from './api-keys/api-keys.ts'
import type { PasswordHashing } from './credentials/passwords.ts'
import type { Observer } from './observer.ts'
import type { ProjectCache } from './projects/project-cache.ts'
import type { Project } from './projects/projects.ts'
import type { SessionCache } from './sessions/session-cache.ts'
import type { CachedSession } from './sessions/sessions.ts'
import type { ConcurrencyLimit } from './throttling/concurrency-limit.ts'

/**
 * Keys derived from the master secrets, 32 bytes each. Of a list, the newest is first and encrypts or signs; all are tried to
 * read.
 */
export interface ServiceKeys {
  /** HMAC key of e-mail addresses, client addresses and short codes. */
  readonly lookup: Buffer
  /** Derives the tokens and codes in mails. */
  readonly mail: Buffer
  /** Encrypt the state of a social sign-in in the browser, and sign the challenges of passkeys. */
  readonly flow: readonly [Buffer, ...Buffer[]]
  /** HMAC keys of idempotency keys and of the requests sent with them. */
  readonly idempotency: readonly [Buffer, ...Buffer[]]
  /** Encrypt the stored answers of idempotency keys. */
  readonly answers: readonly [Buffer, ...Buffer[]]
  /** Encrypt the secrets of authenticators and other secrets that are read again. */
  readonly sealing: readonly [Buffer, ...Buffer[]]
}

/** The parts that live as long as the process and serve every project. */
export interface Services {
  readonly stores: Stores
  /** Public URL of the service, without a slash at the end. */
  readonly publicUrl: string
  readonly passwords: PasswordHashing
  readonly projects: ProjectCache
  readonly sessionCache: SessionCache<CachedSession>
  readonly apiKeyCache: SessionCache<CachedApiKey>
  readonly providers: Providers
  /** Queries the breached-password service that the project's policy names. */
  readonly breachedRange: BreachedRange
  readonly webhookSender: WebhookSender
  /** Checks a password with the system that a project is migrated from. */
  readonly askOldSystem: OldSystemCheck
  /** Limits the concurrent attempts on one account from one address. */
  readonly attempts: ConcurrencyLimit
  readonly keys: ServiceKeys
  readonly observer: Observer
  /** Milliseconds since 1970 by the database's clock, for decisions that need no statement. */
  readonly now: () => number
}

export interface Context {
  readonly project: Project
  /** Null: no user is signed in. */
  readonly actor: Actor | null
  readonly caller: Caller
  /** Bound to the project; inside `inTransaction`, to the transaction. */
  readonly store: Store
  readonly services: Services
  /** The operator who acts and may access every account of the project; null: no operator acts. */
  readonly operator: OperatorAct | null
}

/** A request authenticated by a session or an API key. */
export interface ActorContext extends Context {
  readonly actor: Actor
}

/** A request authenticated by a session. */
export interface SignedInContext extends Context {
  readonly actor: Principal
}

export interface OperatorContext extends Context {
  readonly actor: null
  readonly operator: OperatorAct
}

/** Builds the context of a request in a project. No operator acts in it. */
export function createContext<A extends Actor | null>(
  services: Services,
  project: Project,
  caller: Caller,
  actor: A,
): Context & { readonly actor: A } {
  const store = services.stores.forProject(project.id)
  return { project, actor, caller, store, services, operator: null }
}

/**
 * Builds the context in which an operator acts on a project.
 * @param operator how the operator was authenticated; default: the command line, which jobs use too
 * @param caller the operator's client; default: that of the command line
 */
export function operatorContext(
  services: Services,
  project: Project,
  operator: OperatorAct = commandLine,
  caller: Caller = operatorCaller,
): OperatorContext {
  return { ...createContext(services, project, caller, null), operator }
}

/**
 * Runs `work` in one transaction of the context's project, with a context whose store is that transaction. Commits when
 * `work` returns, rolls back when it throws, and may run it again after a deadlock. To refuse and still commit, return the
 * `AuthError` from `work` and throw it afterwards. Inside a transaction, `work` joins that transaction.
 */
export function inTransaction<C extends Context, T>(ctx: C, work: (tx: C) => Promise<T>): Promise<T> {
  return ctx.store.transaction((store) => work({ ...ctx, store }))
}
