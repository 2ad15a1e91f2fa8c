// The types of this folder: a provider, the profile of a person, the verdict on a proof, and the error of a refused proof.
import { isMailbox, normalizeEmail } from '../formats.ts'

/** A provider of a project's policy, with the values of its preset filled in. */
export interface Provider {
  readonly name: string
  readonly kind: 'openid' | 'github'
  /** The exact `iss`; `{tenantid}` in it is replaced by the token's claim `tid` (Microsoft's many tenants). */
  readonly issuer: string
  /** Other spellings of the same issuer that its tokens may carry. */
  readonly issuerAliases: readonly string[]
  /** Where the discovery document is, without `/.well-known/…`. */
  readonly discovery: string
  /** Accepted audiences; the first one is the client of the code flow. */
  readonly clientIds: readonly string[]
  /** The environment variable that holds the secret of the first client; null: a public client. */
  readonly clientSecretEnv: string | null
  readonly scopes: readonly string[]
  /** Whether addresses of this host's own network may be called. */
  readonly allowPrivateNetwork: boolean
  /** Whether a token with a nonce is refused if the caller does not give that nonce. */
  readonly requiresNonce: boolean
  /** False if the provider's response mode is not supported. */
  readonly codeFlow: boolean
}

/** A person as the provider describes them. (issuer, subject) is permanent; all other values may change. */
export interface Profile {
  readonly issuer: string
  readonly subject: string
  /** Normalized as in accounts; null: there is none that an account could have. */
  readonly email: string | null
  /** Whether the provider states that the address is verified. */
  readonly emailVerified: boolean
  readonly displayName: string | null
  readonly firstName: string | null
  readonly lastName: string | null
}

/** Marks of a proof that is accepted once; their hashes are stored until `until`. */
export interface SingleUse {
  readonly marks: readonly string[]
  readonly until: Date
}

/**
 * The verdict on a proof. `refused`: it is not accepted; `reason` is logged. `unavailable`: the provider did not answer, and a
 * retry may succeed.
 */
export type Verdict =
  | { readonly kind: 'profile'; readonly profile: Profile; readonly singleUse: SingleUse | null }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable' }

/** Thrown inside this folder for a proof that is not accepted. Its message says what to do and holds nothing of the proof. */
export class ProofRefused extends Error {
  override name = 'ProofRefused'
}

/** A text of a provider as it can be stored, at most 255 characters; null if it is empty or holds NUL or a lone surrogate. */
export function storableText(value: unknown): string | null {
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) return null
  return [...value.trim()].slice(0, 255).join('') || null
}

/** An address of a provider, normalized as in accounts; null if no account could have it. */
export const storableEmail = (value: unknown): string | null =>
  typeof value === 'string' && isMailbox(value) ? normalizeEmail(value) : null
