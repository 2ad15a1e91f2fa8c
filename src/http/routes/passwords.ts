// POST /change-password, POST /set-password.
import * as schemas from '../../../schemas/passwords.ts'
import { changePassword, setPassword } from '../../domain/accounts/password-change.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { presentedTransport } from '../strategies/cookie.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

export async function passwordRoutes(api: Api, { printSession }: RouteParts): Promise<void> {
  const config = { access: 'user', limit: 'credential' } as const

  api.post('/change-password', { schema: schemas.changePassword, config }, async (request, reply) => {
    const { current_password: currentPassword, new_password: newPassword } = request.body
    const passwords = { currentPassword, newPassword }
    const grant = await changePassword(signedIn(request), passwords, { renewsSession: true })
    const message = 'Password updated.'
    if (!grant) return { message }
    return { message, ...printSession(request, reply, grant, presentedTransport(request)) }
  })

  api.post('/set-password', { schema: schemas.setPassword, config }, async (request, reply) => {
    const { new_password } = request.body
    const grant = await setPassword(signedIn(request), new_password, { renewsSession: true })
    const message = 'Password set.'
    if (!grant) return { message }
    return { message, ...printSession(request, reply, grant, presentedTransport(request)) }
  })
}
