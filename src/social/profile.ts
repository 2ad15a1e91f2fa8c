// What a provider is to us, what it says of a person, and how its word ends: the vocabulary of this folder.

/** A provider as a project's policy names it, with everything that a preset knows filled in. */
export interface Provider {
  readonly name: string
  readonly kind: 'openid' | 'github'
  /** The exact `iss`; `{tenantid}` in it stands for the token's claim `tid` (Microsoft's many tenants). */
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
  /** Apple writes `email_verified` as a text, by its own documentation. */
  readonly verifiedAsText: boolean
  /** False where the provider answers a browser in a way that we do not speak. */
  readonly codeFlow: boolean
}

/** A person as the provider vouches for them. (issuer, subject) never changes; everything else may. */
export interface Profile {
  readonly issuer: string
  readonly subject: string
  /** Lower case, in the form that accounts have; null where there is none that an account could have. */
  readonly email: string | null
  /** Whether the provider says in so many words that the person reads the mail of that address. */
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
 * What came of asking a provider. `refused`: its word does not prove anything, for whatever reason. `unavailable`: it
 * did not answer, and the same question may be asked again.
 */
export type Verdict =
  | { readonly kind: 'profile'; readonly profile: Profile; readonly singleUse: SingleUse | null }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' }

/** Thrown inside this folder when a provider cannot be asked; its message holds no secret and no answer. */
export class ProviderUnavailable extends Error {
  override name = 'ProviderUnavailable'
}

/** Thrown inside this folder for a proof that proves nothing. */
export class ProofRefused extends Error {
  override name = 'ProofRefused'
}

/** Text of a provider as it may be kept: no NUL, no half characters, no more than 255 of them; null for anything else. */
export function keptText(value: unknown): string | null {
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) return null
  return [...value.trim()].slice(0, 255).join('') || null
}

// The mailbox of accounts (schemas/primitives.ts): ASCII, with a dotted domain.
const mailbox =
  /^(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** An address in the one spelling of accounts, or null where no account could have it. */
export function keptEmail(value: unknown): string | null {
  if (typeof value !== 'string') return null
  // Before lower case: the sign for Kelvin would become a plain k, and another's address.
  if (!/^[ -~]*$/.test(value.trim())) return null
  const email = value.trim().toLowerCase()
  return email.length <= 255 && mailbox.test(email) ? email : null
}
