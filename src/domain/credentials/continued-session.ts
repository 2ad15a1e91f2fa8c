// Opens a session for another application from the session of a signed-in browser.
import { inheritAuthentication } from '../../repositories/sessions/authentication.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import type { Grant } from '../sessions/grants.ts'
import { findGrant, openSession } from '../sessions/sessions.ts'
import { authenticateBySession } from './second-factor.ts'

/**
 * Opens another session for the user of the current one. It keeps the instant of authentication, so that reauthentication is due
 * in both at the same time.
 * @throws AuthError unauthenticated, second_factor_required
 */
export async function continueSession(ctx: SignedInContext): Promise<Grant> {
  const { sessionId } = ctx.actor
  const opened = await inTransaction(ctx, async (tx) => {
    const source = await findGrant(tx, sessionId)
    if (!source || source.impersonator) return new AuthError('unauthenticated')
    const authenticated = await authenticateBySession(tx, source.user, source)
    if (authenticated instanceof AuthError) return authenticated
    const grant = await openSession(tx, authenticated, 'signed_in')
    if (!grant) return new AuthError('unauthenticated')
    await inheritAuthentication(tx.store, grant.sessionId, sessionId)
    return { ...grant, authTime: source.authTime }
  })
  if (opened instanceof AuthError) throw opened
  return opened
}
