// From a first factor to the application: by the second factor or the proof of the address, where one is due.
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { checkMailPage } from './check-mail-page.ts'
import { secondFactorPage } from './second-factor.ts'
import { finish, type HostedVisit, type Outcome } from './visit.ts'

/** Runs what opens a session, and goes on to what it still needs: a second factor, or the proof of the address. */
export async function enterBy(
  visit: HostedVisit,
  email: string,
  open: () => Promise<Grant>,
): Promise<Outcome> {
  try {
    return await finish(visit, await open())
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    if (error.code === 'second_factor_required') return secondFactorPage(visit, error.details)
    if (error.code === 'email_verification_required' && email !== '') return checkMailPage(visit, { email })
    throw error
  }
}
