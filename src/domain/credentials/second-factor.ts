// Sign-in from the first factor to the session: `authenticateByFirstFactor` decides whether a second factor is due. Only this file
// creates `Authenticated`, from which a session is opened.
//
// A second factor is due if the account has enrolled one or the policy demands one, except in a browser that the account
// trusts. If none is enrolled, a mailed code is the second factor. It never replaces an enrolled one, because access to the
// mailbox is enough to reset the password as well. A passkey completes any sign-in but does not make a second factor due:
// browsers add passkeys without a prompt, and a user who does not have it at hand must still be able to sign in by password.
import { randomUUID } from 'node:crypto'
import { hashSecret, mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import {
  countChallengeTry,
  type FoundChallenge,
  findChallenge,
  insertChallenge,
  useChallenge,
} from '../../repositories/credentials/second-factor-challenges.ts'
import { shownCaller } from '../actor.ts'
import { recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { AuthError, type FactorMethod } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { observeSignIn } from '../observer.ts'
import { Authenticated, type AuthenticationMethod } from '../sessions/authenticated.ts'
import { type Grant, readAmr } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'
import { takeMailCooldown } from '../throttling/mail-cooldown.ts'
import {
  type FactorProof,
  usableFactors,
  verifyFactor,
  withFactorAttempt,
  withPasskeyOptions,
} from './factors.ts'
import { mintBoundCode, secondFactorSeconds } from './mailed-tokens.ts'
import { isTrustedDevice, trustDevice } from './trusted-devices.ts'

/** Wrong codes after which a challenge ends. */
const maxTries = 5

/** The first factor of a sign-in. */
export interface FirstFactor {
  /** As it was read. The caller has refused disabled accounts and unproven addresses. */
  readonly user: UserRow
  readonly amr: readonly AuthenticationMethod[]
  /** Whether it was the mailbox, which then cannot be the second factor as well. Default: no. */
  readonly byMail?: boolean
  /** UUID of the session to be opened; default: a random one. */
  readonly sessionId?: string
}

/** Whether a second factor is due in a browser that the account does not trust. */
export function isSecondFactorDue({ project, caller }: Context, user: UserRow): boolean {
  const { factors, contracts } = project.policy
  if (caller.client !== 'canonical' && contracts.without_second_factor) return false
  if (user.secondFactors !== '' || factors.required === 'always') return true
  return factors.required === 'admins' && user.role === 'admin'
}

/**
 * Decides what follows a right first factor. Sends no statement if no second factor is due.
 * @returns the proof to open a session from; or `second_factor_required` with a challenge, to be thrown after the commit
 */
export async function authenticateByFirstFactor(
  ctx: Context,
  first: FirstFactor,
): Promise<Authenticated | AuthError> {
  const { user, amr } = first
  if (!isSecondFactorDue(ctx, user)) return Authenticated.byOneFactor(user, amr)
  // The APIs of other products have neither second factors nor trusted devices.
  if (ctx.caller.client !== 'canonical') return new AuthError('second_factor_required')
  if (await isTrustedDevice(ctx, user)) return Authenticated.byOneFactor(user, amr)
  const factors = await dueFactors(ctx, user, first.byMail)
  if (factors.length > 0) return createChallenge(ctx, first, factors)
  // The account has no factor but the mailbox: its session is for enrolling one, as after a sign-up.
  if ((await findPasswordHash(ctx.store, user.id)) === null) return Authenticated.byOneFactor(user, amr)
  return new AuthError('second_factor_required', { factors })
}

/** For an account created in this request: it has no second factor yet, and needs a session to enrol one. */
export const authenticateNewAccount = (user: UserRow, amr: readonly AuthenticationMethod[]): Authenticated =>
  Authenticated.byOneFactor(user, amr)

/**
 * For an operator who has just set a password by a set-up link. The link came from another operator or the machine's log, so
 * it counts as the second factor of an account that has enrolled none, whose session is for enrolling one.
 */
export async function authenticateBySetupLink(
  ctx: Context,
  user: UserRow,
): Promise<Authenticated | AuthError> {
  if (user.secondFactors !== '') return authenticateByFirstFactor(ctx, { user, amr: ['pwd'] })
  return Authenticated.byTwoFactors(user, ['pwd'], ['otp'])
}

/**
 * For a user who continues from one session to another. The factors proven for the first session count; a second factor that has
 * become due since is demanded.
 */
export async function authenticateBySession(
  ctx: Context,
  user: UserRow,
  session: Pick<Grant, 'amr' | 'acr'>,
): Promise<Authenticated | AuthError> {
  if (session.acr === '2') return Authenticated.bySession(user, session)
  const { amr } = session
  return authenticateByFirstFactor(ctx, { user, amr, byMail: isByMailAlone(amr) })
}

/** A code alone was a mailed one: the code of an authenticator is always a second factor. */
const isByMailAlone = (amr: readonly AuthenticationMethod[]): boolean => amr.join() === 'otp'

/** For a factor that counts as two: nothing more is due. */
export const authenticateByStrongFactor = (
  user: UserRow,
  amr: readonly AuthenticationMethod[],
): Authenticated => Authenticated.byStrongFactor(user, amr)

async function createChallenge(
  ctx: Context,
  { user, amr, byMail = false, sessionId }: FirstFactor,
  factors: readonly FactorMethod[],
): Promise<AuthError> {
  const { plain, hash: tokenHash } = mintSecret('challenge')
  const id = sessionId ?? randomUUID()
  const due = await withPasskeyOptions(ctx, { user, purpose: 'second_factor', boundTo: id }, factors)
  await insertChallenge(ctx.store, {
    id,
    userId: user.id,
    epoch: user.epoch,
    client: ctx.caller.client,
    tokenHash,
    amr: amr.join(' '),
    byMail,
    lifetimeSeconds: secondFactorSeconds,
  })
  return new AuthError('second_factor_required', { challenge: plain, ...due })
}

/** The factors that can complete the sign-in. */
async function dueFactors(ctx: Context, user: UserRow, byMail = false): Promise<readonly FactorMethod[]> {
  const usable = await usableFactors(ctx, user)
  if (user.secondFactors !== '' || byMail || !ctx.project.policy.factors.email_code) return usable
  return [...usable, 'email_code']
}

/** @throws AuthError second_factor_invalid, after recording the refusal */
async function mustFindChallenge(ctx: Context, token: string): Promise<FoundChallenge> {
  const found = await findChallenge(ctx.store, hashSecret(token), ctx.caller.client, maxTries)
  if (found) return found
  await recordRefusal(ctx, 'second_factor_refused', 'challenge_ended')
  throw new AuthError('second_factor_invalid')
}

/** A sign-in that its second factor has completed. */
export interface Completed {
  readonly grant: Grant
  /** The token that the browser keeps if it is trusted; null: none. */
  readonly device: { readonly token: string; readonly lifetimeSeconds: number } | null
}

/** What a client sends to complete a sign-in. */
export interface GivenFactor {
  readonly challenge: string
  readonly proof: FactorProof
  /** Whether to trust this browser. */
  readonly trustDevice: boolean
}

/**
 * Completes a sign-in by its second factor. The attempt is counted for the challenge and for the account before it is checked. Of
 * concurrent attempts with one code, one succeeds.
 * @throws AuthError second_factor_invalid, second_factor_method_refused, too_many_attempts, overloaded
 */
export function completeSecondFactor(ctx: Context, given: GivenFactor): Promise<Completed> {
  return observeSignIn(ctx.services.observer, 'second_factor', complete(ctx, given))
}

async function complete(ctx: Context, given: GivenFactor): Promise<Completed> {
  const { user, challenge } = await mustFindChallenge(ctx, given.challenge)
  const { proof } = given
  if (!(await dueFactors(ctx, user, challenge.byMail)).includes(proof.method))
    throw new AuthError('second_factor_method_refused')
  return withFactorAttempt(ctx, user, proof, async (attempt) => {
    if (!(await countChallengeTry(ctx.store, challenge.id, maxTries)))
      throw new AuthError('second_factor_invalid', {}, 'challenge_ended')
    const completed = await inTransaction(ctx, async (tx) => {
      const second = await verifyFactor(tx, { user, purpose: 'second_factor', boundTo: challenge.id }, proof)
      if (!second) return null
      // What is thrown rolls back, so that a code which was right is not used up.
      if (!(await useChallenge(tx.store, challenge.id, maxTries)))
        throw new AuthError('second_factor_invalid', {}, 'challenge_ended')
      const authenticated = Authenticated.byTwoFactors(user, readAmr(challenge), second)
      const grant = await openSession(tx, authenticated, 'signed_in', { id: challenge.id, attempt })
      if (!grant) throw new AuthError('second_factor_invalid', {}, 'account_changed_meanwhile')
      return { grant, device: given.trustDevice ? await trustDevice(tx, user) : null }
    })
    if (!completed) throw new AuthError('second_factor_invalid', {}, `wrong_${proof.method}`)
    return completed
  })
}

/**
 * Mails the code that completes a sign-in of an account that has enrolled no factor. Sends nothing within the cooldown.
 * @returns the code, for an application that delivers mail itself and presented the project's secret; null otherwise
 * @throws AuthError second_factor_invalid, second_factor_method_refused
 */
export async function requestSecondFactorCode(ctx: Context, token: string): Promise<string | null> {
  const { user, challenge } = await mustFindChallenge(ctx, token)
  if (!(await dueFactors(ctx, user, challenge.byMail)).includes('email_code'))
    throw new AuthError('second_factor_method_refused')
  return inTransaction(ctx, async (tx) => {
    if ((await takeMailCooldown(tx, 'second_factor', user.email, challenge.id)) > 0) return null
    const details = { ...shownCaller(tx.caller), challengeId: challenge.id }
    await notify(tx, 'second_factor_code', { user, details })
    return mintBoundCode(tx, user, 'second_factor', challenge.id)
  })
}
