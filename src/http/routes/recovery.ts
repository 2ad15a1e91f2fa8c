// POST /forgot-password and /reset-password.
import * as schemas from '../../../schemas/recovery.ts'
import { requestReset, resetPassword } from '../../domain/accounts/recovery.ts'
import { proofOf } from '../proof.ts'
import type { Api } from '../typebox.ts'

export async function recoveryRoutes(api: Api): Promise<void> {
  const mailing = { access: 'public', limit: 'mail', idempotent: true } as const
  const proving = { access: 'public', limit: 'credential', idempotent: true } as const

  api.post(
    '/forgot-password',
    { schema: schemas.forgotPassword, config: mailing },
    async (request, reply) => {
      const { email, redirect_to: redirectTo = null } = request.body
      const token = await requestReset(request.context, { email, redirectTo })
      const message = 'If this address has an account, a message is on its way.'
      return reply.code(202).send(token ? { message, token } : { message })
    },
  )

  api.post('/reset-password', { schema: schemas.resetPassword, config: proving }, async (request) => {
    const { password, ...proof } = request.body
    await resetPassword(request.context, proofOf(proof), password)
    return { message: 'Password updated. Please sign in.' }
  })
}
