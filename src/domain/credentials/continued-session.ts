// Going on as the account that a browser is signed in to: a session of its own for another application.
import { inheritAuthentication } from '../../repositories/sessions/authentication.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { demandsVerification } from '../projects/projects.ts'
import type { Grant } from '../sessions/grants.ts'
import { findGrant, openSession } from '../sessions/sessions.ts'
import { enterBySession } from './second-factor.ts'

/**
 * Opens another session for the user of this one. It is as old: what demands a recent sign-in demands it there too.
 * @throws AuthError unauthenticated; email_verification_required, second_factor_required
 */
export async function continueSession(ctx: SignedInContext): Promise<Grant> {
  const { sessionId } = ctx.actor
  const opened = await inTransaction(ctx, async (tx) => {
    const source = await findGrant(tx, sessionId, { ofAnyApi: false })
    if (!source || source.impersonator) return new AuthError('unauthenticated')
    if (demandsVerification(tx.project, source.user)) return new AuthError('email_verification_required')
    const entrance = await enterBySession(tx, source.user, source)
    if (entrance instanceof AuthError) return entrance
    const grant = await openSession(tx, entrance, 'signed_in')
    if (!grant) return new AuthError('unauthenticated')
    await inheritAuthentication(tx.store, grant.sessionId, sessionId)
    return { ...grant, authTime: source.authTime }
  })
  if (opened instanceof AuthError) throw opened
  return opened
}
