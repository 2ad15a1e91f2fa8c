// The first argument of every verb: the project, who acts, the client, the project's store, and the services.

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

/** Keys derived from the master secret, 32 bytes each; lists are newest first: the first seals, all of them open. */
export interface ServiceKeys {
  /** Hashes what strangers ask about: e-mail addresses, client addresses, short codes. */
  readonly lookup: Buffer
  /** Derives the tokens and codes that mails carry. */
  readonly mail: Buffer
  /** Seal what a browser carries while it is at a provider, and sign what an authenticator answers. */
  readonly flow: readonly [Buffer, ...Buffer[]]
  /** Hash idempotency keys and the requests that carry them. */
  readonly idempotency: readonly [Buffer, ...Buffer[]]
  /** Seal the answers that are repeated for an idempotency key. */
  readonly answers: readonly [Buffer, ...Buffer[]]
  readonly sealing: readonly [Buffer, ...Buffer[]]
}

/** What lives as long as the process and serves every project. */
export interface Services {
  readonly stores: Stores
  /** Where people and browsers reach the service, without a slash at the end. */
  readonly publicUrl: string
  readonly passwords: PasswordHashing
  readonly projects: ProjectCache
  readonly sessionCache: SessionCache<CachedSession>
  readonly apiKeyCache: SessionCache<CachedApiKey>
  readonly providers: Providers
  /** Asks the breached-password service that a project's policy names. */
  readonly breachedRange: BreachedRange
  readonly webhookSender: WebhookSender
  /** Asks the system that a project moves away from for a password. */
  readonly askOldSystem: OldSystemCheck
  /** Attempts on one account from one address that are undecided at the same time. */
  readonly attempts: ConcurrencyLimit
  readonly keys: ServiceKeys
  readonly observer: Observer
  /** Milliseconds since 1970 by the database's clock, for what is decided without asking it. */
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
  /** How an operator acts, who is trusted with every account of the project; null: nobody does. */
  readonly operator: OperatorAct | null
}

/** A request by a user, in a session or by an API key. */
export interface ActorContext extends Context {
  readonly actor: Actor
}

/** A request by a signed-in user in one of their sessions. */
export interface SignedInContext extends Context {
  readonly actor: Principal
}

export interface OperatorContext extends Context {
  readonly actor: null
  readonly operator: OperatorAct
}

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
 * @param operator how; default: by the command line, or a job
 * @param caller the operator's client; default: none, as of the command line
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
 * it returns, rolls back when it throws, and may run again after a deadlock. A refusal that must leave something behind
 * is returned by `work` and thrown afterwards. Inside a transaction, `work` runs in that one.
 */
export function inTransaction<C extends Context, T>(ctx: C, work: (tx: C) => Promise<T>): Promise<T> {
  return ctx.store.transaction((store) => work({ ...ctx, store }))
}
