// Sign-in by passkey.
import type { AssertionJson } from '../../crypto/webauthn.ts'
import type { Context } from '../context.ts'
import { observeSignIn } from '../observer.ts'
import { demandsVerification } from '../projects/projects.ts'
import type { Grant } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'
import type { FlowAnswer } from './passkey-flows.ts'
import { refusePasskey, verifyPasskeyAssertion } from './passkey-use.ts'
import { enterByStrongFactor } from './second-factor.ts'
import { refuseAccount } from './sign-in.ts'

/**
 * Opens a session by passkey: both factors at once, because the authenticator verified its owner.
 * @throws AuthError as `verifyPasskeyAssertion`; account_disabled, email_verification_required
 */
export function signInWithPasskey(ctx: Context, answer: FlowAnswer<AssertionJson>): Promise<Grant> {
  return observeSignIn(ctx.services.observer, 'passkey', verifyAndOpen(ctx, answer))
}

async function verifyAndOpen(ctx: Context, answer: FlowAnswer<AssertionJson>): Promise<Grant> {
  const { user, amr } = await verifyPasskeyAssertion(ctx, { ...answer, purpose: 'sign_in' })
  if (user.disabledAt || demandsVerification(ctx.project, user)) throw await refuseAccount(ctx, user)
  const grant = await openSession(ctx, enterByStrongFactor(user, amr), 'signed_in')
  if (!grant) throw await refusePasskey(ctx, user, 'account_changed_meanwhile')
  return grant
}
