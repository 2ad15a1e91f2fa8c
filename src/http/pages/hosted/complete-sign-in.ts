// Completes a sign-in after the first factor: with a session, or with the page of the second factor or of the proof of the address.
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { checkMailPage } from './check-mail-page.ts'
import { secondFactorPage } from './second-factor.ts'
import { finishSignIn, type HostedVisit, type Outcome } from './visit.ts'

/**
 * Opens a session, or shows the page of the step that the sign-in still needs.
 * @param email that was typed; empty: none
 * @throws AuthError every refusal but second_factor_required and email_verification_required
 */
export async function completeSignIn(
  visit: HostedVisit,
  email: string,
  open: () => Promise<Grant>,
): Promise<Outcome> {
  try {
    return await finishSignIn(visit, await open())
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    if (error.code === 'second_factor_required') return secondFactorPage(visit, error.details)
    if (error.code === 'email_verification_required' && email !== '') return checkMailPage(visit, { email })
    throw error
  }
}
