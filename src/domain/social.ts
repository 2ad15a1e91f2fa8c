// Sign-in by a provider: whoever it vouches for is let into the account that is theirs.
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import type { Provider, Verdict } from '../social/profile.ts'
import type { Providers } from '../social/providers.ts'
import { restore } from './account.ts'
import { type AdmissionRules, settling, spend } from './admission.ts'
import { AuthError } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { providerOf } from './providers.ts'
import type { Lifetimes, Sessions } from './sessions.ts'
import type { Verification } from './verification.ts'

/** What a client got from a provider: an id_token, or an access token where the provider has no id_tokens. */
export interface SocialProof {
  readonly provider: string
  readonly idToken?: string
  readonly accessToken?: string
  /** The nonce that the client asked the provider for; absent: none. */
  readonly nonce?: string
}

const refusals = {
  disabled: 'account_disabled',
  email_missing: 'social_email_missing',
  unverified: 'email_verification_required',
} as const

interface Means {
  readonly store: Store
  readonly providers: Providers
  readonly admission: AdmissionRules
  readonly sessions: Sessions
  readonly verification: Verification
}

/** The provider of this name. @throws AuthError provider_unknown */
export function providerNamed(project: Project, name: string): Provider {
  const provider = providerOf(project.policy.providers, name)
  if (!provider) throw new AuthError('provider_unknown')
  return provider
}

/** @throws AuthError invalid_social_login, provider_unavailable */
export function believed(verdict: Verdict): Extract<Verdict, { kind: 'profile' }> {
  if (verdict.kind === 'unavailable') throw new AuthError('provider_unavailable', { retryAfterSeconds: 5 })
  if (verdict.kind === 'refused') throw new AuthError('invalid_social_login')
  return verdict
}

/** The one door for tokens of providers, for whoever signs in and whoever links. */
export function createProofs(providers: Providers) {
  /** @throws AuthError provider_unknown, invalid_social_login, provider_unavailable */
  return async (project: Project, { provider: name, idToken, accessToken, nonce }: SocialProof) => {
    const provider = providerNamed(project, name)
    const verdict =
      idToken !== undefined
        ? await providers.verifyIdToken(provider, idToken, nonce ?? null)
        : await providers.verifyAccessToken(provider, accessToken ?? '')
    const { profile, singleUse } = believed(verdict)
    return { provider, profile, singleUse }
  }
}

export type Proofs = ReturnType<typeof createProofs>

export function createSocial({ store, providers, admission, sessions, verification }: Means) {
  const prove = createProofs(providers)

  type Proven = Awaited<ReturnType<Proofs>>

  /**
   * Settles whose account it is and lets `enter` open it, in one transaction.
   * @throws AuthError invalid_social_login, account_disabled, email_verification_required, social_email_missing
   */
  async function admitted<T>(
    project: Project,
    { provider, profile, singleUse }: Proven,
    caller: Caller,
    locale: string | null,
    enter: (tx: Repositories, user: UserRow, isNew: boolean) => Promise<T | null>,
  ): Promise<T> {
    const outcome = await settling(store, project, async (tx) => {
      if (!(await spend(tx, project, singleUse))) throw new AuthError('invalid_social_login')
      const found = await admission.admit(tx, project, { provider, profile, caller, locale })
      if (found.kind !== 'admitted') return { refused: found }
      await restore(tx, project, found.user, caller)
      const entered = await enter(tx, found.user, found.isNew)
      // The sessions of the account were ended while it was being opened.
      if (entered === null) throw new AuthError('invalid_social_login')
      return { entered }
    })
    if (!('refused' in outcome)) return outcome.entered
    const { refused } = outcome
    const unproven = refused.kind === 'unverified' ? refused.user : null
    const verificationToken = unproven && (await verification.tokenForApp(project, unproven, caller))
    throw new AuthError(refusals[refused.kind], verificationToken ? { verificationToken } : {})
  }

  return {
    /**
     * Opens a session for the person behind a provider's token.
     * @throws AuthError provider_unknown, invalid_social_login, provider_unavailable, account_disabled,
     *   email_verification_required, social_email_missing
     */
    async signIn(
      project: Project,
      proof: SocialProof,
      caller: Caller,
      { locale = null, lifetimes }: { locale?: string | null; lifetimes?: Lifetimes } = {},
    ): Promise<Grant> {
      const proven = await prove(project, proof)
      return admitted(project, proven, caller, locale, (tx, user, isNew) =>
        sessions.open(tx, project, user, caller, isNew ? 'signed_up' : 'signed_in', lifetimes),
      )
    },

    /** For whoever has proven a person by another way than a token: settles whose account it is, and opens it. */
    enter: admitted,
  }
}

export type Social = ReturnType<typeof createSocial>
