// Sign-in with e-mail address and password, with the same work and answers for known and unknown addresses.
import { normalizeEmail } from '../../formats.ts'
import type { UserRow, UserWithPassword } from '../../repositories/accounts/users.ts'
import { renewPasswordHash } from '../../repositories/credentials/passwords.ts'
import { recordRefusal } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { observeSignIn } from '../observer.ts'
import { demandsVerification } from '../projects/projects.ts'
import type { Grant } from '../sessions/grants.ts'
import { type Lifetimes, openSession } from '../sessions/sessions.ts'
import {
  type Attempt,
  acquireAttempt,
  failAttempt,
  signInAttempt,
  withAttempt,
} from '../throttling/lockout.ts'
import { findClaim } from './claims.ts'
import { holdRefusal, importAtSignIn } from './lazy-import.ts'
import { mintForApplication } from './mailed-tokens.ts'
import { hashPassword, isOutdatedHash, matchPassword, type PasswordFit } from './passwords.ts'
import { authenticateByFirstFactor } from './second-factor.ts'
import { queueSetPasswordMail } from './set-password-mail.ts'

export interface Credentials {
  readonly email: string
  readonly password: string
}

/** An account whose password was right, and the hash against which it was verified. */
interface ProvenAccount {
  readonly user: UserRow
  readonly checkedHash: string
  readonly fit: PasswordFit
}

/**
 * Opens a session by password, with one statement before the password is verified and one after.
 * @throws AuthError invalid_credentials, too_many_attempts, overloaded; and after a correct password
 *   account_disabled, email_verification_required, second_factor_required
 */
export function signInWithPassword(
  ctx: Context,
  credentials: Credentials,
  lifetimes: Lifetimes = {},
): Promise<Grant> {
  return observeSignIn(ctx.services.observer, 'password', verifyOpenAndRenew(ctx, credentials, lifetimes))
}

async function verifyOpenAndRenew(
  ctx: Context,
  credentials: Credentials,
  lifetimes: Lifetimes,
): Promise<Grant> {
  const { grant, checkedHash, fit } = await verifyAndOpen(ctx, credentials, lifetimes)
  if (isOutdatedHash(ctx, checkedHash, fit))
    await renewHash(ctx, grant.user.id, checkedHash, credentials.password)
  return grant
}

async function verifyAndOpen(
  ctx: Context,
  { email, password }: Credentials,
  lifetimes: Lifetimes,
): Promise<{ grant: Grant; checkedHash: string; fit: PasswordFit }> {
  const address = normalizeEmail(email)
  const attempt = signInAttempt(ctx, address)
  const turn = await acquireAttempt(ctx, attempt)
  const startedMs = performance.now()
  try {
    const given = { email: address, password }
    const proven = await checkOrImport(ctx, await attempt.reserve(), given)
    if (typeof proven === 'string') throw await refuseUnlessClaimed(ctx, attempt, given, proven)
    const { user, checkedHash, fit } = proven
    if (user.disabledAt || demandsVerification(ctx.project, user)) {
      await attempt.release('succeeded')
      throw await refuseAccount(ctx, user)
    }
    const authenticated = await authenticateByFirstFactor(ctx, { user, amr: ['pwd'] })
    if (authenticated instanceof AuthError) {
      await attempt.release('succeeded')
      await recordRefusal(ctx, 'sign_in_refused', authenticated.code, { account: user.uuid })
      throw authenticated
    }
    const grant = await openSession(ctx, authenticated, 'signed_in', { ...lifetimes, attempt })
    if (!grant) throw new AuthError('invalid_credentials', {}, 'account_changed_meanwhile')
    return { grant, checkedHash, fit }
  } catch (error) {
    await failAttempt(attempt, error)
    await holdRefusal(ctx, error, startedMs)
    throw error
  } finally {
    turn.release()
  }
}

/**
 * Checks address and password without opening a session, at the cost and count of an attempt to sign in.
 * @param options.addressKnown as in `signInAttempt`
 * @param options.restorable whether an account whose deletion is pending is accepted; default: yes
 * @throws AuthError invalid_credentials, too_many_attempts, overloaded; email_verification_required for the password of a sign-up
 *   that waits for the proof of its address
 */
export function proveAccount(
  ctx: Context,
  { email, password }: Credentials,
  options: { readonly addressKnown?: boolean; readonly restorable?: boolean } = {},
): Promise<ProvenAccount> {
  const address = normalizeEmail(email)
  const attempt = signInAttempt(ctx, address, options.addressKnown)
  return withAttempt(ctx, attempt, async (found) => {
    const proven = await checkCredentials(ctx, found, password)
    if (typeof proven === 'string')
      throw await refuseUnlessClaimed(ctx, attempt, { email: address, password }, proven)
    if (proven.user.deletionDueAt && options.restorable === false)
      throw new AuthError('invalid_credentials', {}, 'deletion_pending')
    await attempt.release('succeeded')
    return proven
  })
}

/** Why a password was refused; only for the log. */
type RefusalReason = 'unknown_account' | 'no_password' | 'wrong_password'

/** Verifies the password, with the same work whether or not there is an account. @throws AuthError overloaded */
async function checkCredentials(
  ctx: Context,
  found: UserWithPassword | null,
  password: string,
): Promise<ProvenAccount | RefusalReason> {
  const fit = await matchPassword(ctx, found?.passwordHash ?? null, password)
  if (!found) return 'unknown_account'
  if (!found.passwordHash) return 'no_password'
  if (!fit) return 'wrong_password'
  const { passwordHash: checkedHash, ...user } = found
  return { user, checkedHash, fit }
}

/** As `checkCredentials`. During a lazy migration, the old system checks the password of an address without an account. */
async function checkOrImport(
  ctx: Context,
  found: UserWithPassword | null,
  given: Credentials,
): Promise<ProvenAccount | RefusalReason> {
  const proven = await checkCredentials(ctx, found, given.password)
  const imported = proven === 'unknown_account' ? await importAtSignIn(ctx, given) : null
  return imported ? checkCredentials(ctx, imported, given.password) : proven
}

/**
 * Returns the refusal of a password that fits no account. If the policy demands proof of the address, it may be the password
 * of a sign-up that waits for that proof; answer and cost are the same whether or not the address has an account. Such an
 * attempt counts neither as failed nor as successful, because a stranger can sign up with any address.
 */
async function refuseUnlessClaimed(
  ctx: Context,
  attempt: Attempt<unknown>,
  { email, password }: Credentials,
  reason: RefusalReason,
): Promise<AuthError> {
  const isStrict = ctx.project.policy.verification.mode === 'strict'
  const claim = isStrict ? await findClaim(ctx, email, password) : undefined
  if (!claim) {
    await queueSetPasswordMail(ctx, email)
    return new AuthError('invalid_credentials', {}, reason)
  }
  await attempt.release('undecided')
  return verificationRequired(claim.token)
}

const verificationRequired = (verificationToken: string | null) =>
  new AuthError('email_verification_required', verificationToken ? { verificationToken } : {})

/** Records the refusal of an account whose password or passkey was right. @returns the refusal, to be thrown */
export async function refuseAccount(ctx: Context, user: UserRow): Promise<AuthError> {
  const reason = user.disabledAt ? 'account_disabled' : 'email_verification_required'
  await recordRefusal(ctx, 'sign_in_refused', reason, { account: user.uuid })
  if (user.disabledAt) return new AuthError('account_disabled')
  return verificationRequired(await mintForApplication(ctx, user))
}

/**
 * Stores the password under the current parameters. The session is open already, so a failure refuses nobody: a later sign-in
 * stores it.
 */
async function renewHash(ctx: Context, userId: number, from: string, password: string): Promise<void> {
  try {
    await renewPasswordHash(ctx.store, userId, from, await hashPassword(ctx, password))
  } catch {
    // The service is overloaded, or its database is away.
  }
}
