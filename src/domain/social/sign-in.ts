// Sign-in with the token of a provider, and the steps that all sign-ins by providers share.
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { Provider, SingleUse, Verdict } from '../../social/profile.ts'
import { recordRefusal } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { authenticateByFirstFactor, authenticateNewAccount } from '../credentials/second-factor.ts'
import { AuthError } from '../errors.ts'
import { observeSignIn } from '../observer.ts'
import type { Project } from '../projects/projects.ts'
import { providerOf } from '../projects/providers.ts'
import type { Grant } from '../sessions/grants.ts'
import { type Lifetimes, openSession } from '../sessions/sessions.ts'
import { type Admission, acceptOnce, admit, type ProvenProfile, retryOnConflict } from './admission.ts'

/** The token that a client got from a provider: an id_token, or an access token of a provider without id_tokens. */
export interface SocialProof {
  readonly provider: string
  readonly idToken?: string
  readonly accessToken?: string
  /** The nonce that the client sent to the provider; absent: none. */
  readonly nonce?: string
}

export interface ProvenProof extends ProvenProfile {
  /** Marks of the proof that must not be accepted again; null: it may be used again. */
  readonly singleUse: SingleUse | null
}

const refusals = {
  disabled: 'account_disabled',
  email_missing: 'social_email_missing',
  unverified: 'email_verification_required',
} as const

/** Finds the provider of a name. @throws AuthError provider_unknown */
export function mustFindProvider(project: Project, name: string): Provider {
  const provider = providerOf(project.policy.providers, name)
  if (!provider) throw new AuthError('provider_unknown')
  return provider
}

/** @returns the profile that a provider's verdict proves @throws AuthError invalid_social_login, provider_unavailable */
export function mustProve(provider: Provider, verdict: Verdict): ProvenProof {
  if (verdict.kind === 'unavailable') throw new AuthError('provider_unavailable', { retryAfterSeconds: 5 })
  if (verdict.kind === 'refused') throw new AuthError('invalid_social_login', {}, verdict.reason)
  return { provider, profile: verdict.profile, singleUse: verdict.singleUse }
}

/** Checks a provider's token. @throws AuthError provider_unknown, invalid_social_login, provider_unavailable */
export async function proveSocial(
  { project, services }: Context,
  { provider: name, idToken, accessToken, nonce }: SocialProof,
): Promise<ProvenProof> {
  const provider = mustFindProvider(project, name)
  const verdict =
    idToken !== undefined
      ? await services.providers.verifyIdToken(provider, idToken, nonce ?? null)
      : await services.providers.verifyAccessToken(provider, accessToken ?? '')
  return mustProve(provider, verdict)
}

/**
 * Finds or creates the account of a proven profile, and runs `enter` with it in the same transaction.
 * @param enter returns its result; or a refusal, which is thrown after the commit; or null if the sessions of the account were
 *   ended since it was read
 * @throws AuthError invalid_social_login, account_disabled, email_verification_required, social_email_missing; and what `enter`
 *   returns
 */
export async function enterByProvider<T>(
  ctx: Context,
  { singleUse, ...proven }: ProvenProof,
  locale: string | null,
  enter: (tx: Context, user: UserRow, isNew: boolean) => Promise<T | AuthError | null>,
): Promise<T> {
  const outcome = await retryOnConflict(ctx, async (tx) => {
    if (!(await acceptOnce(tx, singleUse)))
      throw new AuthError('invalid_social_login', {}, 'The proof was used before.')
    const found = await admit(tx, proven, locale)
    if (found.kind !== 'admitted') return refusalOf(found)
    const entered = await enter(tx, found.user, found.isNew)
    if (entered === null) throw new AuthError('invalid_social_login', {}, 'account_changed_meanwhile')
    return entered
  })
  if (outcome instanceof AuthError) throw outcome
  return outcome
}

function refusalOf(refused: Exclude<Admission, { kind: 'admitted' }>): AuthError {
  const verificationToken = refused.kind === 'unverified' ? refused.verificationToken : null
  return new AuthError(refusals[refused.kind], verificationToken ? { verificationToken } : {})
}

/** Awaits a sign-in by a provider, and writes a refusal with its reason to the security log. */
export async function loggingRefusal<T>(ctx: Context, provider: string, signIn: Promise<T>): Promise<T> {
  try {
    return await signIn
  } catch (error) {
    if (
      error instanceof AuthError &&
      error.code !== 'provider_unavailable' &&
      error.code !== 'provider_unknown'
    )
      await recordRefusal(ctx, 'social_sign_in_refused', error.reason, { details: { method: provider } })
    throw error
  }
}

/**
 * Opens the session of a user whose profile a provider has proven.
 * @returns a refusal, such as a due second factor; null as `openSession`
 */
export async function openByProvider(
  tx: Context,
  user: UserRow,
  isNew: boolean,
  lifetimes: Lifetimes = {},
): Promise<Grant | AuthError | null> {
  if (isNew) return openSession(tx, authenticateNewAccount(user, ['fed']), 'signed_up', lifetimes)
  const authenticated = await authenticateByFirstFactor(tx, { user, amr: ['fed'] })
  return authenticated instanceof AuthError
    ? authenticated
    : openSession(tx, authenticated, 'signed_in', lifetimes)
}

/** Signs a user in by a provider's token. @throws AuthError as `proveSocial`, `enterByProvider` */
export function signInWithProvider(
  ctx: Context,
  proof: SocialProof,
  { locale = null, lifetimes }: { locale?: string | null; lifetimes?: Lifetimes } = {},
): Promise<Grant> {
  const signIn = proveSocial(ctx, proof).then((proven) =>
    enterByProvider(ctx, proven, locale, (tx, user, isNew) => openByProvider(tx, user, isNew, lifetimes)),
  )
  return observeSignIn(ctx.services.observer, 'social', loggingRefusal(ctx, proof.provider, signIn))
}
