// Reauthentication: a recent proof by the account's owner, before actions that a session alone must not allow (RFC 9470).
//
// "Recent" means a sign-in or step-up of the session within the policy's `reauthentication.max_age_seconds`. An account with
// a second factor needs a recent proof of it. Any other account with a password needs a recent proof of the password, or the
// password in the request. An account without a password needs any recent sign-in, or a mailed code. A passkey is accepted in
// each case.
import { redeemCode } from '../../repositories/credentials/verification-tokens.ts'
import {
  type Authentication,
  findAuthentication,
  renewSession,
} from '../../repositories/sessions/authentication.ts'
import { record } from '../audit/audit.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { AuthError, type StepUpFactor } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { type AuthenticationMethod, joinMethods } from '../sessions/authenticated.ts'
import { type Grant, readAmr, toGrant } from '../sessions/grants.ts'
import { factorAttempt, passwordAttempt, withAttempt } from '../throttling/lockout.ts'
import { takeMailCooldown } from '../throttling/mail-cooldown.ts'
import {
  type FactorProof,
  usableFactors,
  verifyFactor,
  withFactorAttempt,
  withPasskeyOptions,
} from './factors.ts'
import { hashCode, maxCodeAttempts, mintBoundCode } from './mailed-tokens.ts'
import { checkPassword } from './passwords.ts'

/** The proof that a client sends to step up. */
export type StepUpProof = { readonly method: 'password'; readonly password: string } | FactorProof

/**
 * The methods by which the session can be stepped up: a factor if one is enrolled, else password or mailed code; or a passkey.
 */
async function stepUpFactors(
  ctx: SignedInContext,
  { passwordHash, secondFactors }: Authentication,
): Promise<readonly StepUpFactor[]> {
  const usable = await usableFactors(ctx, { id: ctx.actor.user.id, secondFactors })
  return secondFactors !== '' ? usable : [passwordHash === null ? 'email_code' : 'password', ...usable]
}

/** @throws AuthError unauthenticated */
async function mustFind(ctx: SignedInContext) {
  const { max_age_seconds } = ctx.project.policy.reauthentication
  const found = await findAuthentication(ctx.store, ctx.actor.sessionId, max_age_seconds)
  if (!found) throw new AuthError('unauthenticated')
  return found
}

/**
 * Demands a recent proof by the account's owner.
 * @param currentPassword checked if the account has a password, as an attempt to sign in; it does not replace a second factor
 * @returns the hash of the password, for a statement that must find it unchanged; null if the account has none
 * @throws AuthError step_up_required, wrong_current_password, too_many_attempts, overloaded, unauthenticated
 */
export async function reauthenticate(ctx: SignedInContext, currentPassword?: string): Promise<string | null> {
  const found = await mustFind(ctx)
  const { passwordHash, isRecent, secondFactors, acr } = found
  const hasFactor = secondFactors !== ''
  if (hasFactor && !(isRecent && acr === '2')) throw await stepUpRequired(ctx, found)
  if (passwordHash !== null && currentPassword !== undefined) {
    await checkOwnPassword(ctx, passwordHash, currentPassword, 'wrong_current_password')
    return passwordHash
  }
  const isStrong = acr === '2' || passwordHash === null || readAmr(found).includes('pwd')
  if (hasFactor || (isRecent && isStrong)) return passwordHash
  throw await stepUpRequired(ctx, found)
}

async function stepUpRequired(ctx: SignedInContext, found: Authentication): Promise<AuthError> {
  const { user, sessionId: boundTo } = ctx.actor
  const factors = await stepUpFactors(ctx, found)
  return new AuthError(
    'step_up_required',
    await withPasskeyOptions(ctx, { user, purpose: 'step_up', boundTo }, factors),
  )
}

/** @throws AuthError `refusal`, too_many_attempts, overloaded */
function checkOwnPassword(
  ctx: SignedInContext,
  hash: string,
  password: string,
  refusal: 'wrong_current_password' | 'wrong_password',
): Promise<void> {
  return checkPassword(ctx, passwordAttempt(ctx, ctx.actor.user.email, true), { hash, password }, refusal)
}

/** Refuses sessions of other APIs: only the API that opened a session may upgrade it. @throws AuthError unauthenticated */
function mustOwnSession({ actor, caller }: SignedInContext): void {
  if (actor.client !== caller.client) throw new AuthError('unauthenticated')
}

/**
 * Authenticates the owner of the account again in the current session, which gets a new generation and instant of authentication.
 * Its former tokens are void.
 * @throws AuthError unauthenticated (also for a session of another API), step_up_method_refused, wrong_password,
 *   invalid_verification_code, wrong_factor_code, passkey_refused, too_many_attempts, overloaded
 */
export async function stepUp(ctx: SignedInContext, proof: StepUpProof): Promise<Grant> {
  mustOwnSession(ctx)
  const found = await mustFind(ctx)
  if (!(await stepUpFactors(ctx, found)).includes(proof.method)) throw new AuthError('step_up_method_refused')
  if (proof.method === 'email_code') return stepUpByCode(ctx, proof.code)
  if (proof.method !== 'password') return stepUpByFactor(ctx, proof, found)
  const { passwordHash } = found
  if (passwordHash === null) throw new AuthError('step_up_method_refused')
  await checkOwnPassword(ctx, passwordHash, proof.password, 'wrong_password')
  return inTransaction(ctx, (tx) => renew(tx, ['pwd'], '1'))
}

/** A wrong code is counted for the account and for the mailed code. */
function stepUpByCode(ctx: SignedInContext, code: string): Promise<Grant> {
  const { user, sessionId } = ctx.actor
  const attempt = factorAttempt(ctx, user.email)
  return withAttempt(ctx, attempt, async () => {
    const hash = hashCode(ctx, 'step_up', user.email, code, sessionId)
    const grant = await inTransaction(ctx, async (tx) => {
      const redeemed = await redeemCode(tx.store, 'step_up', user.email, hash, maxCodeAttempts)
      return redeemed?.userId === user.id ? renew(tx, ['otp'], '1') : null
    })
    if (!grant) throw new AuthError('invalid_verification_code', {}, 'wrong_email_code')
    await attempt.release('succeeded')
    return grant
  })
}

/**
 * The session then has the methods with which it was opened and the factor. Codes are counted together with those of sign-ins.
 */
function stepUpByFactor(ctx: SignedInContext, proof: FactorProof, found: Authentication): Promise<Grant> {
  const { user, sessionId } = ctx.actor
  return withFactorAttempt(ctx, user, proof, async (attempt) => {
    const grant = await inTransaction(ctx, async (tx) => {
      const second = await verifyFactor(tx, { user, purpose: 'step_up', boundTo: sessionId }, proof)
      if (!second) return null
      return renew(tx, joinMethods(readAmr(found), second, ['mfa']), '2')
    })
    const code = proof.method === 'passkey' ? 'passkey_refused' : 'wrong_factor_code'
    if (!grant) throw new AuthError(code, {}, `wrong_${proof.method}`)
    await attempt?.release('succeeded')
    return grant
  })
}

async function renew(
  tx: SignedInContext,
  methods: readonly AuthenticationMethod[],
  acr: Grant['acr'],
): Promise<Grant> {
  const { user, sessionId: id, client } = tx.actor
  const { refresh_seconds: refreshSeconds } = tx.project.policy.tokens
  const proof = { amr: methods.join(' '), acr }
  const renewed = await renewSession(tx.store, { id, client, epoch: user.epoch, refreshSeconds, proof })
  // The session has ended since.
  if (!renewed) throw new AuthError('unauthenticated')
  await record(tx, 'stepped_up', { userId: user.id })
  return toGrant(tx.project, renewed.user, renewed.session)
}

/**
 * Mails a code that steps this session up, to an account without a password. Sends nothing within the cooldown.
 * @returns the code, for an application that delivers mail itself and presented the project's secret; null otherwise
 * @throws AuthError unauthenticated, step_up_method_refused
 */
export async function requestStepUpCode(ctx: SignedInContext): Promise<string | null> {
  mustOwnSession(ctx)
  if (!(await stepUpFactors(ctx, await mustFind(ctx))).includes('email_code'))
    throw new AuthError('step_up_method_refused')
  const { user, sessionId } = ctx.actor
  return inTransaction(ctx, async (tx) => {
    if ((await takeMailCooldown(tx, 'step_up', user.email)) > 0) return null
    await notify(tx, 'step_up_code', { user, details: { sessionId } })
    return mintBoundCode(tx, user, 'step_up', sessionId)
  })
}
