// POST /verify-email/resend and /verify-email/confirm.
import { confirmVerification, resendVerification } from '../../../schemas/verification.ts'
import type { Verification } from '../../domain/verification.ts'
import { callerOf } from '../caller.ts'
import { proofOf } from '../proof.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'

const accepted = 'If this address belongs to an account that is not verified yet, a message is on its way.'
const handedOver = 'A new verification token was issued. Send it from your application.'

export interface VerificationRoutes {
  readonly verification: Verification
  readonly viewUser: UserView
}

export async function verificationRoutes(
  api: Api,
  { verification, viewUser }: VerificationRoutes,
): Promise<void> {
  api.post(
    '/verify-email/resend',
    { schema: resendVerification, config: { access: 'public', limit: 'mail' } },
    async (request) => {
      const result = await verification.resend(request.project, request.body.email, callerOf(request))
      if (result.kind === 'cooling')
        return {
          message: 'A message was asked for a moment ago. Please wait before asking again.',
          resend_cooldown_active: true,
          retry_after_seconds: result.retryAfterSeconds,
        }
      return result.verificationToken
        ? { message: handedOver, verification_token: result.verificationToken }
        : { message: accepted }
    },
  )

  api.post(
    '/verify-email/confirm',
    { schema: confirmVerification, config: { access: 'public', limit: 'credential' } },
    async (request) => {
      const user = await verification.confirm(request.project, proofOf(request.body), callerOf(request))
      return { message: 'E-mail address verified.', user: viewUser(user) }
    },
  )
}
