// POST /step-up and /step-up/email-code (RFC 9470).
import type { Static } from '@sinclair/typebox'
import { codeMailed } from '../../../schemas/mailed-codes.ts'
import * as schemas from '../../../schemas/step-up.ts'
import { requestStepUpCode, type StepUpProof, stepUp } from '../../domain/credentials/reauthentication.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { missingField } from '../refusal.ts'
import { presentedTransport } from '../strategies/cookie.ts'
import type { Api } from '../typebox.ts'
import { readCode } from '../typed-code.ts'
import type { RouteParts } from './parts.ts'
import { factorProofOf } from './second-factor.ts'

/** @throws RequestProblem validation_failed where the field of the method is missing */
function proofOf(body: Static<typeof schemas.stepUp.body>): StepUpProof {
  const { method, password, code, credential } = body
  if (method === 'password') {
    if (password === undefined) throw missingField('password')
    return { method, password }
  }
  // Not checked for six digits: a mailed code with letters is refused as a wrong code.
  if (method === 'email_code' && code !== undefined) return { method, code: readCode(code) }
  return factorProofOf({ method, code, credential })
}

export async function stepUpRoutes(api: Api, { printSession }: RouteParts): Promise<void> {
  const proving = { access: 'user', limit: 'credential' } as const
  const mailing = { access: 'user', limit: 'mail' } as const

  api.post('/step-up', { schema: schemas.stepUp, config: proving }, async (request, reply) => {
    const grant = await stepUp(signedIn(request), proofOf(request.body))
    return printSession(request, reply, grant, presentedTransport(request))
  })

  api.post(
    '/step-up/email-code',
    { schema: schemas.requestStepUpCode, config: mailing },
    async (request, reply) => {
      const code = await requestStepUpCode(signedIn(request))
      return reply.code(202).send({ message: codeMailed, ...(code ? { code } : {}) })
    },
  )
}
