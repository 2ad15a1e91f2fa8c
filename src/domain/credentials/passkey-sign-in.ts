// Sign-in by passkey.
import type { AssertionJson } from '../../crypto/webauthn.ts'
import type { Context } from '../context.ts'
import { observeSignIn } from '../observer.ts'
import { demandsVerification } from '../projects/projects.ts'
import type { Grant } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'
import type { FlowAnswer } from './passkey-flows.ts'
import { checkPasskeyAssertion, markPasskeyUsed, refusePasskey } from './passkey-use.ts'
import { authenticateByStrongFactor } from './second-factor.ts'
import { refuseAccount } from './sign-in.ts'

/**
 * Opens a session by passkey, which counts as two factors because the authenticator verifies the user.
 * @throws AuthError as `checkPasskeyAssertion`; account_disabled, email_verification_required
 */
export function signInWithPasskey(ctx: Context, answer: FlowAnswer<AssertionJson>): Promise<Grant> {
  return observeSignIn(ctx.services.observer, 'passkey', verifyAndOpen(ctx, answer))
}

async function verifyAndOpen(ctx: Context, answer: FlowAnswer<AssertionJson>): Promise<Grant> {
  const proven = await checkPasskeyAssertion(ctx, { ...answer, purpose: 'sign_in' })
  const { user, amr, used } = proven
  if (user.disabledAt || demandsVerification(ctx.project, user)) throw await refuseAccount(ctx, user)
  const authenticated = authenticateByStrongFactor(user, amr)
  // An account whose deletion is pending is restored before its session is opened. A copied key must not do that, so the counter
  // is checked first.
  if (user.deletionDueAt) await markPasskeyUsed(ctx, proven)
  const marked = user.deletionDueAt ? {} : { passkey: used }
  const grant = await openSession(ctx, authenticated, 'signed_in', marked)
  if (grant) return grant
  if (!user.deletionDueAt) await markPasskeyUsed(ctx, proven)
  throw await refusePasskey(ctx, user, 'account_changed_meanwhile')
}
