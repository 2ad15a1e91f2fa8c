// POST /change-email, /change-email/confirm and /change-email/undo.
import * as schemas from '../../../schemas/email-change.ts'
import {
  confirmEmailChange,
  requestEmailChange,
  undoEmailChange,
} from '../../domain/accounts/email-change.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { proofOf } from '../proof.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

export async function emailChangeRoutes(api: Api, { viewUser }: RouteParts): Promise<void> {
  const mailing = { access: 'user', limit: 'mail' } as const
  const proving = { access: 'recognized', limit: 'credential' } as const
  const config = { access: 'public', limit: 'credential' } as const

  api.post('/change-email', { schema: schemas.changeEmail, config: mailing }, async (request, reply) => {
    const { new_email: newEmail, current_password: currentPassword, redirect_to } = request.body
    const change = { newEmail, currentPassword, redirectTo: redirect_to ?? null }
    const token = await requestEmailChange(signedIn(request), change)
    const message = 'If this address can be used, a message to confirm it is on its way.'
    return reply.code(202).send(token ? { message, token } : { message })
  })

  api.post(
    '/change-email/confirm',
    { schema: schemas.confirmEmailChange, config: proving },
    async (request) => {
      const { current_password = null, ...proof } = request.body
      const user = await confirmEmailChange(request.context, proofOf(proof), current_password)
      return { message: 'E-mail address changed.', user: viewUser(user) }
    },
  )

  api.post('/change-email/undo', { schema: schemas.undoEmailChange, config }, async (request) => {
    const user = await undoEmailChange(request.context, request.body.token)
    return { message: 'Your old e-mail address is back.', user: viewUser(user) }
  })
}
