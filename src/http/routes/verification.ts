// POST /verify-email/resend and /verify-email/confirm.
import * as schemas from '../../../schemas/verification.ts'
import { confirmEmail, resendVerification } from '../../domain/accounts/verification.ts'
import { proofOf } from '../proof.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

const accepted =
  'If there is something to verify at this address, a message is on its way. Earlier codes no longer work.'
const handedOver = 'A new verification token was issued. Send it from your application.'

export async function verificationRoutes(api: Api, { viewUser }: RouteParts): Promise<void> {
  const mailing = { access: 'recognized', limit: 'mail' } as const
  const proving = { access: 'recognized', limit: 'credential' } as const

  api.post(
    '/verify-email/resend',
    { schema: schemas.resendVerification, config: mailing },
    async (request) => {
      const result = await resendVerification(request.context, request.body.email)
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
    { schema: schemas.confirmVerification, config: proving },
    async (request) => {
      const { current_password = null, ...proof } = request.body
      const user = await confirmEmail(request.context, proofOf(proof), current_password)
      return { message: 'E-mail address verified.', user: viewUser(user) }
    },
  )
}
