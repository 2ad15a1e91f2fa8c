// Exchange of a code for a session. The application got the code from a provider's redirect or from a page of the service.
import { createHash } from 'node:crypto'
import { hashSecret, keyedUuid } from '../../crypto/secrets.ts'
import { findUser } from '../../repositories/accounts/users.ts'
import { voidChallenge } from '../../repositories/credentials/second-factor-challenges.ts'
import { redeemToken } from '../../repositories/credentials/verification-tokens.ts'
import { revokeSession } from '../../repositories/sessions/revocation.ts'
import { findSessionOwner } from '../../repositories/sessions/sessions.ts'
import { record, recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { authenticateByFirstFactor, isSecondFactorDue } from '../credentials/second-factor.ts'
import { AuthError } from '../errors.ts'
import { isExchangeCode, redeemExchangeCode } from '../sessions/exchange.ts'
import type { Grant } from '../sessions/grants.ts'
import { type Lifetimes, openSession } from '../sessions/sessions.ts'

/**
 * Exchanges a code for a session, once. If a code is presented again with its verifier, both were stolen, and the session that the
 * code opened ends (RFC 6749 §4.1.2).
 * @param verifier as in RFC 7636 §4.1
 * @throws AuthError invalid_social_login, second_factor_required
 */
export async function exchangeCode(
  ctx: Context,
  code: string,
  verifier: string,
  lifetimes?: Lifetimes,
): Promise<Grant> {
  if (isExchangeCode(code)) {
    const grant = await redeemExchangeCode(ctx, code, verifier)
    return grant ?? refuse(ctx, unknownCode())
  }
  const proof = createHash('sha256').update(verifier, 'ascii').digest()
  // The id of the session derives from code and verifier, so that a stolen code without its verifier cannot end the session.
  const id = keyedUuid(ctx.services.keys.lookup, 'exchange', ctx.project.id, code, verifier)
  const outcome = await inTransaction(ctx, async (tx) => {
    const redeemed = await redeemToken(tx.store, 'social_sign_in', hashSecret(code), undefined, proof)
    if (!redeemed) return 'unknown'
    const user = await findUser(tx.store, redeemed.userId)
    // If the deletion of the account was requested since, only a new sign-in restores it, not the code of an earlier one. With a
    // second factor that is due, the exchange is such a sign-in.
    if (!user || (user.deletionDueAt && !isSecondFactorDue(tx, user))) return null
    const authenticated = await authenticateByFirstFactor(tx, { user, amr: ['fed'], sessionId: id })
    return authenticated instanceof AuthError
      ? authenticated
      : openSession(tx, authenticated, 'signed_in', { ...lifetimes, id })
  })
  if (outcome instanceof AuthError) return refuse(ctx, outcome)
  if (outcome === null) return refuse(ctx, unknownCode('account_changed_meanwhile'))
  if (outcome !== 'unknown') return outcome
  await endSessionOfCode(ctx, id)
  return refuse(ctx, unknownCode())
}

/** Writes a refusal to the security log, and throws it. */
async function refuse(ctx: Context, refusal: AuthError): Promise<never> {
  await recordRefusal(ctx, 'social_sign_in_refused', refusal.reason, { details: { method: 'code' } })
  throw refusal
}

const unknownCode = (reason = 'The code is unknown, used or expired.') =>
  new AuthError('invalid_social_login', {}, reason)

/** Ends the session that a code opened, or its pending second-factor challenge, and records the reuse. */
function endSessionOfCode(ctx: Context, sessionId: string): Promise<void> {
  return inTransaction(ctx, async (tx) => {
    await voidChallenge(tx.store, sessionId)
    const userId = await findSessionOwner(tx.store, sessionId)
    if (userId === null || !(await revokeSession(tx.store, sessionId, 'reuse'))) return
    await record(tx, 'code_reused', { userId, sessionId, outcome: 'refused' })
  })
}
