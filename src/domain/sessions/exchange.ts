// Codes that hand a session, opened on a page of the service, over to an application, which exchanges the code for tokens.
//
// The code belongs to one session for which no tokens were issued: the application becomes its only holder, and signing out there
// ends it. With PKCE (RFC 7636), only the application that began can exchange it.
import { createHash } from 'node:crypto'
import { hashSecret, isSecret, mintSecret } from '../../crypto/secrets.ts'
import { findExchangeCode } from '../../repositories/credentials/exchange-codes.ts'
import { insertToken, redeemToken } from '../../repositories/credentials/verification-tokens.ts'
import { revokeSession } from '../../repositories/sessions/revocation.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import type { Grant } from './grants.ts'
import { findGrant } from './sessions.ts'

const lifetimeSeconds = 60
const purpose = 'session_exchange'

/**
 * Mints the code of a session that was just opened.
 * @param challenge `code_challenge`, method S256 (RFC 7636 §4.2)
 */
export async function mintExchangeCode(
  ctx: Context,
  { sessionId: id, user }: Grant,
  challenge: string,
): Promise<string> {
  const { plain, hash: tokenHash } = mintSecret('exchange')
  await insertToken(ctx.store, {
    id,
    userId: user.id,
    email: user.email,
    purpose,
    tokenHash,
    lifetimeSeconds,
    codeHash: Buffer.from(challenge, 'base64url'),
    // Two browser tabs of one user may sign in at the same time.
    supersedes: false,
  })
  return plain
}

/** Whether a code has the form of those of `mintExchangeCode`. */
export const isExchangeCode = (code: string): boolean => isSecret('exchange', code)

/**
 * Exchanges a code, once. A second use of a code with the right verifier means that both were stolen, so the session ends
 * (RFC 6749 §4.1.2).
 * @param verifier `code_verifier` (RFC 7636 §4.1)
 * @returns null if the code is unknown, used or expired, or the session has ended
 */
export async function redeemExchangeCode(
  ctx: Context,
  code: string,
  verifier: string,
): Promise<Grant | null> {
  const hash = hashSecret(code)
  const proof = createHash('sha256').update(verifier, 'ascii').digest()
  const found = await findExchangeCode(ctx.store, hash, proof)
  if (!found) return null
  const redeemed = await redeemToken(ctx.store, purpose, hash, undefined, proof)
  if (redeemed) return findGrant(ctx, found.id)
  // Read again: another exchange may have used the code since it was read.
  const { usedAt } = (await findExchangeCode(ctx.store, hash, proof)) ?? found
  await inTransaction(ctx, async (tx) => {
    // A code that expired unused leaves a session without a holder, so that session ends too.
    if (!(await revokeSession(tx.store, found.id, usedAt ? 'reuse' : 'logout')) || !usedAt) return
    await record(tx, 'code_reused', { userId: found.userId, sessionId: found.id, outcome: 'refused' })
  })
  return null
}
