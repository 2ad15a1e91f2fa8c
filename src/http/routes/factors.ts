// GET /factors; POST and DELETE /factors/totp, POST /factors/totp/confirm, POST /factors/recovery-codes,
// DELETE /factors/trusted-devices.
import * as schemas from '../../../schemas/factors.ts'
import {
  confirmTotp,
  endTrustedDevices,
  listFactors,
  proposeTotp,
  removeTotp,
  renewRecoveryCodes,
} from '../../domain/accounts/factors.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { qrSvg } from '../qr.ts'
import type { Api } from '../typebox.ts'
import { readDigits } from '../typed-code.ts'
import { factorsView } from '../views.ts'

export async function factorRoutes(api: Api): Promise<void> {
  const reading = { access: 'user', limit: 'read' } as const
  const proving = { access: 'user', limit: 'credential' } as const

  api.get('/factors', { schema: schemas.listFactors, config: reading }, async (request) =>
    factorsView(await listFactors(signedIn(request))),
  )

  api.post('/factors/totp', { schema: schemas.proposeTotp, config: proving }, async (request, reply) => {
    const { secret, uri } = await proposeTotp(signedIn(request))
    return reply.code(201).send({ secret, otpauth_uri: uri, qr_svg: await qrSvg(uri) })
  })

  api.post('/factors/totp/confirm', { schema: schemas.confirmTotp, config: proving }, async (request) => ({
    recovery_codes: await confirmTotp(signedIn(request), readDigits(request.body.code)),
  }))

  api.delete('/factors/totp', { schema: schemas.removeTotp, config: proving }, async (request, reply) => {
    await removeTotp(signedIn(request))
    return reply.code(204).send()
  })

  api.post(
    '/factors/recovery-codes',
    { schema: schemas.renewRecoveryCodes, config: proving },
    async (request, reply) => {
      const codes = await renewRecoveryCodes(signedIn(request))
      return reply.code(201).send({ recovery_codes: codes })
    },
  )

  api.delete(
    '/factors/trusted-devices',
    { schema: schemas.endTrustedDevices, config: reading },
    async (request, reply) => {
      await endTrustedDevices(signedIn(request))
      return reply.code(204).send()
    },
  )
}
