// POST /login/second-factor and /login/second-factor/email-code.
import type { Static } from '@sinclair/typebox'
import * as schemas from '../../../schemas/factors.ts'
import { codeMailed } from '../../../schemas/mailed-codes.ts'
import type { FactorProof } from '../../domain/credentials/factors.ts'
import { completeSecondFactor, requestSecondFactorCode } from '../../domain/credentials/second-factor.ts'
import { transportOf } from '../caller.ts'
import { missingField } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { readCode, readDigits } from '../typed-code.ts'
import type { RouteParts } from './parts.ts'

type Body = Static<typeof schemas.completeSecondFactor.body>
type Given = Pick<Body, 'method'> & {
  readonly code?: Body['code'] | undefined
  readonly credential?: Body['credential'] | undefined
}

/** @throws RequestProblem validation_failed where the method's code or credential is missing, or should be six digits */
export function factorProofOf({ method, code, credential }: Given): FactorProof {
  if (method === 'passkey') {
    if (credential === undefined) throw missingField('credential')
    return { method, credential }
  }
  if (code === undefined) throw missingField('code')
  return { method, code: method === 'recovery_code' ? readCode(code) : readDigits(code) }
}

export async function secondFactorRoutes(api: Api, { deviceCookie, printOpened }: RouteParts): Promise<void> {
  const proving = { access: 'public', limit: 'credential' } as const
  const mailing = { access: 'public', limit: 'mail' } as const

  api.post(
    '/login/second-factor',
    { schema: schemas.completeSecondFactor, config: proving },
    async (request, reply) => {
      const { challenge, trust_device: trustDevice = false, ...proof } = request.body
      const given = { challenge, proof: factorProofOf(proof), trustDevice }
      const { grant, device } = await completeSecondFactor(request.context, given)
      const transport = transportOf(request)
      const session = await printOpened(request, reply, grant, transport)
      if (!device) return session
      if (transport === 'bearer')
        return { ...session, device_token: device.token, device_token_expires_in: device.lifetimeSeconds }
      deviceCookie.set(reply, request.project, device.token, device.lifetimeSeconds)
      return session
    },
  )

  api.post(
    '/login/second-factor/email-code',
    { schema: schemas.requestSecondFactorCode, config: mailing },
    async (request, reply) => {
      const code = await requestSecondFactorCode(request.context, request.body.challenge)
      return reply.code(202).send({ message: codeMailed, ...(code ? { code } : {}) })
    },
  )
}
