// POST /change-password.
import { changePassword } from '../../../schemas/passwords.ts'
import type { PasswordChange } from '../../domain/password-change.ts'
import { callerOf } from '../caller.ts'
import { signedIn } from '../plugins/authenticate.ts'
import type { Api } from '../typebox.ts'

export async function passwordRoutes(api: Api, options: { passwordChange: PasswordChange }): Promise<void> {
  api.post(
    '/change-password',
    { schema: changePassword, config: { access: 'user', limit: 'credential' } },
    async (request) => {
      const { current_password: currentPassword, new_password: newPassword } = request.body
      const change = { currentPassword, newPassword }
      await options.passwordChange.change(request.project, signedIn(request), callerOf(request), change)
      return { message: 'Password updated.' }
    },
  )
}
