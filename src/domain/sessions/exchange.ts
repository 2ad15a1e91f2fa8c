// Hands a session that was opened on a page of the service over to an application: a code that is exchanged for its tokens.
//
// The code belongs to one session, which no tokens were issued for: the application becomes its only holder, and signing out there
// ends it. The proof key (RFC 7636) lets only the application that began exchange it.
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
    ...{ id, userId: user.id, email: user.email, purpose, tokenHash, lifetimeSeconds },
    codeHash: Buffer.from(challenge, 'base64url'),
    // Two pages of one person may sign in at the same time.
    supersedes: false,
  })
  return plain
}

/** Whether a code is one of `mintExchangeCode`, by its form. */
export const isExchangeCode = (code: string): boolean => isSecret('exchange', code)

/**
 * Exchanges a code, once. One that comes back with its verifier was stolen together with it: the session ends (RFC 6749 §4.1.2).
 * @param verifier as in RFC 7636 §4.1
 * @returns null: the code is unknown, used or expired, or the session has ended meanwhile
 */
export async function redeemExchangeCode(
  ctx: Context,
  code: string,
  verifier: string,
): Promise<Grant | null> {
  const [hash, proof] = [hashSecret(code), createHash('sha256').update(verifier, 'ascii').digest()]
  const found = await findExchangeCode(ctx.store, hash, proof)
  if (!found) return null
  const redeemed = await redeemToken(ctx.store, purpose, hash, undefined, proof)
  if (redeemed) return findGrant(ctx, found.id, { ofAnyApi: false })
  // Read again: of two exchanges at once, the later one finds the code used.
  const { usedAt } = (await findExchangeCode(ctx.store, hash, proof)) ?? found
  await inTransaction(ctx, async (tx) => {
    // A code that nobody exchanged in time leaves a session without a holder.
    if (!(await revokeSession(tx.store, found.id, usedAt ? 'reuse' : 'logout')) || !usedAt) return
    await record(tx, 'code_reused', { userId: found.userId, sessionId: found.id, outcome: 'refused' })
  })
  return null
}
