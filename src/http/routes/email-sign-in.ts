// POST /login/email and /login/email/confirm.
import type { Static } from '@sinclair/typebox'
import * as schemas from '../../../schemas/email-sign-in.ts'
import {
  type EmailSignInProof,
  requestEmailSignIn,
  signInByEmail,
} from '../../domain/accounts/email-sign-in.ts'
import { transportOf } from '../caller.ts'
import { uuidOf } from '../path-ids.ts'
import { missingField } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { readCode } from '../typed-code.ts'
import type { RouteParts } from './parts.ts'

/** @throws RequestProblem validation_failed; AuthError invalid_verification_code for a flow that is not a UUID */
function proofOf({ token, flow, code }: Static<typeof schemas.confirmEmailSignIn.body>): EmailSignInProof {
  if (token !== undefined) return { token }
  if (flow === undefined) throw missingField('token')
  if (code === undefined) throw missingField('code')
  return { flow: uuidOf(flow, 'invalid_verification_code'), code: readCode(code) }
}

export async function emailSignInRoutes(api: Api, { printOpened }: RouteParts): Promise<void> {
  const mailing = { access: 'public', limit: 'mail' } as const
  const proving = { access: 'public', limit: 'credential' } as const

  api.post(
    '/login/email',
    { schema: schemas.requestEmailSignIn, config: mailing },
    async (request, reply) => {
      const { email, redirect_to: redirectTo = null } = request.body
      const { flow, code } = await requestEmailSignIn(request.context, { email, redirectTo })
      return reply.code(202).send({ message: schemas.signInMailed, flow, ...(code ? { code } : {}) })
    },
  )

  api.post(
    '/login/email/confirm',
    { schema: schemas.confirmEmailSignIn, config: proving },
    async (request, reply) => {
      const grant = await signInByEmail(request.context, proofOf(request.body))
      return printOpened(request, reply, grant, transportOf(request))
    },
  )
}
