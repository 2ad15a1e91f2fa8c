// Events that the domain reports for metrics and log lines. It imports no metrics library.
import type { AuditEventName } from '../repositories/database.ts'
import type { MailKind } from '../repositories/mail/mail-queue.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'

/** The outcome of a refresh; `reused` ended the session, `refused` is every other refusal. */
export type RefreshOutcome = 'rotated' | 'replayed' | 'recovered' | 'reused' | 'refused'

/** How a session is opened. A sign-in that a second factor completes counts as `second_factor`. */
export type SignInMethod = 'password' | 'email' | 'social' | 'passkey' | 'second_factor'

/** The outcome of a sign-in: a session, a refusal by its code, or an error of ours. */
export type SignInOutcome = 'ok' | AuthErrorCode | 'failed'

/** A refusal for a log line: no address, no secret. */
export interface RefusalFacts {
  readonly event: string
  readonly reason: string
  readonly projectId: string
  /** UUID; null: none is known, or the address has none. */
  readonly account: string | null
  readonly addressPrefix: string | null
}

/** A mail that was not queued because its recipient reached the cap. */
export interface SuppressedMail {
  readonly kind: MailKind
  readonly projectId: string
  /** Whether it is the first for its recipient in this hour. Only that one is logged. */
  readonly isFirst: boolean
}

export interface Observer {
  refreshed(outcome: RefreshOutcome): void
  signedIn(method: SignInMethod, outcome: SignInOutcome): void
  recorded(event: AuditEventName): void
  refused(facts: RefusalFacts): void
  mailSuppressed(facts: SuppressedMail): void
  /** The old system accepted a password, but its answer could not be imported. */
  importRefused(facts: { readonly projectId: string; readonly host: string }): void
}

export const noObserver: Observer = {
  refreshed() {},
  signedIn() {},
  recorded() {},
  refused() {},
  mailSuppressed() {},
  importRefused() {},
}

/** Reports the outcome of a sign-in and passes it on. @throws the error that `signIn` rejects with */
export async function observeSignIn<T>(
  observer: Observer,
  method: SignInMethod,
  signIn: Promise<T>,
): Promise<T> {
  try {
    const result = await signIn
    observer.signedIn(method, 'ok')
    return result
  } catch (error) {
    observer.signedIn(method, error instanceof AuthError ? error.code : 'failed')
    throw error
  }
}
