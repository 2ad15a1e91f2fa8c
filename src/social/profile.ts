// The types of this folder: a provider, the profile of a person, the verdict on a proof, and its two errors.
import { isMailbox, normalizeEmail } from '../formats.ts'

/** A provider as a project's policy names it, with everything that a preset knows filled in. */
export interface Provider {
  readonly name: string
  readonly kind: 'openid' | 'github'
  /** The exact `iss`; `{tenantid}` in it is replaced by the token's claim `tid` (Microsoft's many tenants). */
  readonly issuer: string
  /** Other spellings of the same issuer that its tokens may carry. */
  readonly issuerAliases: readonly string[]
  /** Where the discovery document is, without `/.well-known/…`. */
  readonly discovery: string
  /** Audiences that are ours; the first one is the client of the code flow. */
  readonly clientIds: readonly string[]
  /** The environment variable that holds the secret of the first client; null: a public client. */
  readonly clientSecretEnv: string | null
  readonly scopes: readonly string[]
  /** Whether addresses of this host's own network may be called. */
  readonly allowPrivateNetwork: boolean
  /** Whether a token that carries a nonce is refused where the caller does not name it. */
  readonly requiresNonce: boolean
  /** False where the provider answers a browser in a way that is not supported. */
  readonly codeFlow: boolean
}

/** A person as the provider describes them. (issuer, subject) never changes; everything else may. */
export interface Profile {
  readonly issuer: string
  readonly subject: string
  /** Lower case, in the form that accounts have; null where there is none that an account could have. */
  readonly email: string | null
  /** Whether the provider states that the address is verified. */
  readonly emailVerified: boolean
  readonly displayName: string | null
  readonly firstName: string | null
  readonly lastName: string | null
}

/** What must not be accepted a second time: texts to be remembered as hashes until then. */
export interface SingleUse {
  readonly marks: readonly string[]
  readonly until: Date
}

/**
 * The outcome of asking a provider. `refused`: the proof is not accepted, for a reason that the log has. `unavailable`: the provider did not answer, and
 * the same question may be asked again.
 */
export type Verdict =
  | { readonly kind: 'profile'; readonly profile: Profile; readonly singleUse: SingleUse | null }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable' }

/** Thrown inside this folder for a proof that is not accepted; its message says what to do, and holds nothing of the proof. */
export class ProofRefused extends Error {
  override name = 'ProofRefused'
}

/** Text of a provider as it may be kept: no NUL, no half characters, no more than 255 of them; null for anything else. */
export function keptText(value: unknown): string | null {
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) return null
  return [...value.trim()].slice(0, 255).join('') || null
}

/** An address in the one spelling of accounts, or null where no account could have it. */
export const keptEmail = (value: unknown): string | null =>
  typeof value === 'string' && isMailbox(value) ? normalizeEmail(value) : null
