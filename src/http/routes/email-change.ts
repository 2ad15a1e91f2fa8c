// POST /change-email, /change-email/confirm and /change-email/undo.
import { changeEmail, confirmEmailChange, undoEmailChange } from '../../../schemas/email-change.ts'
import type { EmailChanges } from '../../domain/email-change.ts'
import { callerOf } from '../caller.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { proofOf } from '../proof.ts'
import type { Api } from '../typebox.ts'
import type { UserView } from '../views.ts'

export interface EmailChangeRoutes {
  readonly emailChanges: EmailChanges
  readonly viewUser: UserView
}

export async function emailChangeRoutes(
  api: Api,
  { emailChanges, viewUser }: EmailChangeRoutes,
): Promise<void> {
  api.post(
    '/change-email',
    { schema: changeEmail, config: { access: 'user', limit: 'mail' } },
    async (request, reply) => {
      const { new_email: newEmail, current_password: currentPassword, redirect_to } = request.body
      const change = { newEmail, currentPassword, redirectTo: redirect_to ?? null }
      const caller = callerOf(request)
      const token = await emailChanges.request(request.project, signedIn(request), change, caller)
      const message = 'If this address can be used, a message to confirm it is on its way.'
      return reply.code(202).send(token ? { message, token } : { message })
    },
  )

  api.post(
    '/change-email/confirm',
    { schema: confirmEmailChange, config: { access: 'public', limit: 'credential' } },
    async (request) => {
      const user = await emailChanges.confirm(request.project, proofOf(request.body), callerOf(request))
      return { message: 'E-mail address changed.', user: viewUser(user) }
    },
  )

  api.post(
    '/change-email/undo',
    { schema: undoEmailChange, config: { access: 'public', limit: 'credential' } },
    async (request) => {
      const user = await emailChanges.undo(request.project, request.body.token, callerOf(request))
      return { message: 'Your old e-mail address is back.', user: viewUser(user) }
    },
  )
}
