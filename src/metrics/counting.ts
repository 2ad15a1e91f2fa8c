// Counts what came of the domain's verbs from their answers and refusals, so that the domain knows nothing of counting.
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'
import type { Domain } from '../domain/index.ts'
import type { SignInOutcome } from './definitions.ts'
import type { Metrics } from './metrics.ts'

const refusals: Partial<Record<AuthErrorCode, SignInOutcome>> = {
  invalid_credentials: 'wrong',
  invalid_social_login: 'wrong',
  social_email_missing: 'wrong',
  provider_unknown: 'wrong',
  too_many_attempts: 'locked',
  overloaded: 'overloaded',
  provider_unavailable: 'failed',
}

/** What a failed sign-in came to: a refusal that is none of the above keeps a proven person out. */
const outcomeOf = (error: unknown): SignInOutcome =>
  error instanceof AuthError ? (refusals[error.code] ?? 'kept_out') : 'failed'

/** The domain with its sign-ins counted. */
export function countSignIns(domain: Domain, metrics: Metrics): Domain {
  function counting<Args extends unknown[], T>(
    method: 'password' | 'social',
    verb: (...args: Args) => Promise<T>,
  ): (...args: Args) => Promise<T> {
    return async (...args) => {
      try {
        const result = await verb(...args)
        metrics.signedIn(method, 'ok')
        return result
      } catch (error) {
        metrics.signedIn(method, outcomeOf(error))
        throw error
      }
    }
  }
  const { signIn, social } = domain
  return {
    ...domain,
    signIn: { ...signIn, withPassword: counting('password', signIn.withPassword) },
    social: { ...social, signIn: counting('social', social.signIn) },
  }
}
