// POST /forgot-password and /reset-password.
import { forgotPassword, resetPassword } from '../../../schemas/recovery.ts'
import type { Recovery } from '../../domain/recovery.ts'
import { callerOf } from '../caller.ts'
import { proofOf } from '../proof.ts'
import type { Api } from '../typebox.ts'

export async function recoveryRoutes(api: Api, { recovery }: { recovery: Recovery }): Promise<void> {
  api.post(
    '/forgot-password',
    { schema: forgotPassword, config: { access: 'public', limit: 'mail', idempotent: true } },
    async (request, reply) => {
      const { email, redirect_to: redirectTo = null } = request.body
      const token = await recovery.request(request.project, { email, redirectTo }, callerOf(request))
      const message = 'If this address has an account, a message is on its way.'
      return reply.code(202).send(token ? { message, token } : { message })
    },
  )

  api.post(
    '/reset-password',
    { schema: resetPassword, config: { access: 'public', limit: 'credential', idempotent: true } },
    async (request) => {
      const { password, ...proof } = request.body
      await recovery.reset(request.project, proofOf(proof), password, callerOf(request))
      return { message: 'Password updated. Please sign in.' }
    },
  )
}
