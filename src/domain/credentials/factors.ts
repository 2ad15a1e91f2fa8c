// Second factors: which ones an account can use, and how each is verified. A new kind is a new entry of `verifiers`.
import { hashRecoveryCode, readRecoveryCode } from '../../crypto/recovery-codes.ts'
import type { AssertionJson } from '../../crypto/webauthn.ts'
import {
  cancelFactorsReset,
  type SecondFactor,
  secondFactorsOf,
} from '../../repositories/accounts/second-factors.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { listPasskeys } from '../../repositories/credentials/passkeys.ts'
import { countRecoveryCodes, useRecoveryCode } from '../../repositories/credentials/recovery-codes.ts'
import { redeemCode } from '../../repositories/credentials/verification-tokens.ts'
import { record } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import {
  AuthError,
  type AuthErrorDetails,
  type CodeMethod,
  type FactorMethod,
  type StepUpFactor,
} from '../errors.ts'
import { notify } from '../mail/notify.ts'
import type { AuthenticationMethod } from '../sessions/authenticated.ts'
import { type Attempt, factorAttempt, withAttempt } from '../throttling/lockout.ts'
import { hashCode, maxCodeAttempts } from './mailed-tokens.ts'
import { passkeyRequestOptions, verifyPasskeyAssertion } from './passkey-use.ts'
import { redeemTotp } from './totp.ts'

/**
 * What a client sends to prove a factor: a code as the user typed it, in NFKC and without spaces, or the assertion of an
 * authenticator.
 */
export type FactorProof =
  | { [Method in CodeMethod]: { readonly method: Method; readonly code: string } }[CodeMethod]
  | { readonly method: 'passkey'; readonly credential: AssertionJson }

/** The user and purpose of a proof, and the id of the challenge or session to which a mailed code or an assertion is bound. */
export interface FactorSubject {
  readonly user: UserRow
  readonly purpose: 'second_factor' | 'step_up'
  readonly boundTo: string
}

/** The owner is notified when this many recovery codes are left. */
const lowCodes = 3

/**
 * Verifies a proof and uses it up, in the transaction of the action that it allows. The transaction must commit.
 * @returns the methods by which the user was authenticated; null if the proof is wrong
 */
type Verifier<Proof> = (
  tx: Context,
  subject: FactorSubject,
  proof: Proof,
) => Promise<readonly AuthenticationMethod[] | null>

const verifiers: {
  readonly [Method in FactorMethod]: Verifier<Extract<FactorProof, { method: Method }>>
} = {
  totp: async (tx, { user }, { code }) => ((await redeemTotp(tx, user, code)) ? ['otp'] : null),
  async passkey(tx, { user, purpose, boundTo }, { credential }) {
    const answer = { purpose, userId: user.id, boundTo, flow: null, credential }
    try {
      return (await verifyPasskeyAssertion(tx, answer)).amr
    } catch (error) {
      // The refusal has been recorded.
      if (error instanceof AuthError) return null
      throw error
    }
  },
  recovery_code: async (tx, { user }, { code }) =>
    (await redeemRecoveryCode(tx, user, code)) ? ['otp'] : null,
  async email_code(tx, { user, boundTo }, { code }) {
    const hash = hashCode(tx, 'second_factor', user.email, code, boundTo)
    const found = await redeemCode(tx.store, 'second_factor', user.email, hash, maxCodeAttempts, user.id)
    return found ? ['otp'] : null
  },
}

/**
 * Verifies a proof by its method, as `Verifier`. A right proof cancels a pending reset of the factors: a user who has a
 * factor does not need the reset, or did not ask for it.
 */
export async function verifyFactor(
  tx: Context,
  subject: FactorSubject,
  proof: FactorProof,
): Promise<readonly AuthenticationMethod[] | null> {
  const { user } = subject
  // TypeScript does not relate the verifier to the proof, which are of the same method.
  const verify = verifiers[proof.method] as Verifier<FactorProof>
  const proven = await verify(tx, subject, proof)
  if (proven && user.factorsResetDueAt && (await cancelFactorsReset(tx.store, user.id)))
    await record(tx, 'factors_reset_cancelled', { userId: user.id })
  return proven
}

async function redeemRecoveryCode(tx: Context, user: UserRow, text: string): Promise<boolean> {
  const code = readRecoveryCode(text)
  if (code === null || !(await useRecoveryCode(tx.store, user.id, hashRecoveryCode(user.uuid, code))))
    return false
  await record(tx, 'recovery_code_used', { userId: user.id })
  if ((await countRecoveryCodes(tx.store, user.id)) === lowCodes)
    await notify(tx, 'recovery_codes_low', { user })
  return true
}

/**
 * Runs `work`, which verifies a proof, as an attempt that is counted for the account. An assertion of a passkey cannot be
 * guessed, so it is neither counted nor refused after wrong codes.
 * @param work gets the attempt; null for a passkey
 */
export function withFactorAttempt<T>(
  ctx: Context,
  { email }: Pick<UserRow, 'email'>,
  { method }: FactorProof,
  work: (attempt: Attempt | null) => Promise<T>,
): Promise<T> {
  if (method === 'passkey') return work(null)
  const attempt = factorAttempt(ctx, email)
  return withAttempt(ctx, attempt, () => work(attempt))
}

/** The details of a refusal that asks for one of `factors`, with the options of a passkey request if a passkey is among them. */
export async function withPasskeyOptions(
  ctx: Context,
  { user, purpose, boundTo }: Omit<FactorSubject, 'user'> & { readonly user: Pick<UserRow, 'id'> },
  factors: readonly StepUpFactor[],
): Promise<Pick<AuthErrorDetails, 'factors' | 'passkeyOptions'>> {
  if (!factors.includes('passkey')) return { factors }
  const asked = await passkeyRequestOptions(ctx, purpose, user, boundTo)
  return asked ? { factors, passkeyOptions: asked.options } : { factors }
}

/**
 * The factors of an account besides its password: enrolled factors, passkeys, and recovery codes, which replace a lost factor.
 */
export async function usableFactors(
  ctx: Context,
  user: Pick<UserRow, 'id' | 'secondFactors'>,
): Promise<readonly (SecondFactor | 'passkey' | 'recovery_code')[]> {
  const enrolled = secondFactorsOf(user)
  const hasPasskeys = (await listPasskeys(ctx.store, user.id)).length > 0
  const hasCodes = enrolled.length > 0 && (await countRecoveryCodes(ctx.store, user.id)) > 0
  return [
    ...enrolled,
    ...(hasPasskeys ? ['passkey' as const] : []),
    ...(hasCodes ? ['recovery_code' as const] : []),
  ]
}
