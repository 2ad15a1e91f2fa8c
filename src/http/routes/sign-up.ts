// POST /signup.
import { signUp } from '../../../schemas/sign-up.ts'
import type { Users } from '../../domain/users.ts'
import { callerOf, transportOf } from '../caller.ts'
import { preferredLanguage } from '../language.ts'
import type { Api } from '../typebox.ts'
import type { SessionPrinter, UserView } from '../views.ts'

export interface SignUpRoutes {
  readonly users: Users
  readonly printSession: SessionPrinter
  readonly viewUser: UserView
}

export async function signUpRoutes(api: Api, { users, printSession, viewUser }: SignUpRoutes): Promise<void> {
  api.post(
    '/signup',
    { schema: signUp, config: { access: 'public', limit: 'credential', idempotent: true } },
    async (request, reply) => {
      const { email, password, display_name, first_name, last_name, metadata } = request.body
      const facts = {
        email,
        password,
        displayName: display_name ?? null,
        firstName: first_name ?? null,
        lastName: last_name ?? null,
        metadata: metadata ?? {},
        locale: preferredLanguage(request.headers['accept-language']),
      }
      const result = await users.signUp(request.project, facts, callerOf(request))
      if (result.kind === 'signed_in')
        return reply.code(201).send(printSession(request, reply, result.grant, transportOf(request)))
      return reply.code(202).send({
        message: 'Please verify your e-mail address to finish signing up.',
        code: 'email_verification_required',
        verification_required: true,
        user: viewUser(result.user),
        ...(result.verificationToken ? { verification_token: result.verificationToken } : {}),
      })
    },
  )
}
