// POST /signup.
import { signUp as signUpSchema } from '../../../schemas/sign-up.ts'
import { signUp } from '../../domain/accounts/sign-up.ts'
import { transportOf } from '../caller.ts'
import { languageOf } from '../language.ts'
import type { Api } from '../typebox.ts'
import { readProfile } from '../views.ts'
import type { RouteParts } from './parts.ts'

export async function signUpRoutes(api: Api, { printOpened, viewUser }: RouteParts): Promise<void> {
  const config = { access: 'public', limit: 'credential', idempotent: true } as const

  api.post('/signup', { schema: signUpSchema, config }, async (request, reply) => {
    const { email, password, ...profile } = request.body
    const locale = languageOf(request)
    const result = await signUp(request.context, { ...readProfile(profile), email, password, locale })
    if (result.kind === 'signed_in')
      return reply.code(201).send(await printOpened(request, reply, result.grant, transportOf(request)))
    return reply.code(202).send({
      message: 'Please verify your e-mail address to finish signing up.',
      code: 'email_verification_required',
      verification_required: true,
      user: viewUser(result.user),
      ...(result.verificationToken ? { verification_token: result.verificationToken } : {}),
    })
  })
}
