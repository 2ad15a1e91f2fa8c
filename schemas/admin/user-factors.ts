// Passkeys and second factors of a user, as operators see and remove them.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors } from '../errors.ts'
import { trustedDeviceFields } from '../factors.ts'
import { Passkey } from '../passkeys.ts'
import { Instant, Nullable, Shared } from '../primitives.ts'
import { byOperatorsOrSecret, ok, userParams } from './admin.ts'

const closed = { additionalProperties: false } as const
const oneUser = { tags: ['Users'], security: byOperatorsOrSecret, params: userParams }
const unknown = ['project_not_found', 'not_found'] as const

export const UserFactors = Type.Object(
  {
    totp: Type.Boolean({ description: 'Whether an authenticator app is enrolled.' }),
    passkeys: Type.Array(Type.Omit(Passkey, ['transports', 'aaguid'], closed)),
    recovery_codes_left: Type.Integer({ minimum: 0, examples: [10] }),
    trusted_devices: Type.Array(Type.Object(trustedDeviceFields, closed)),
    reset_due_at: Nullable(Instant, {
      description: 'When an operator’s request removes them; null: there is none.',
      examples: [null],
    }),
  },
  { $id: 'UserFactors', ...closed },
)

export const getUserFactors = {
  ...oneUser,
  operationId: 'getUserFactors',
  summary: 'Get the passkeys and second factors of a user, and the devices that spare them',
  response: { 200: ok('The factors.', Shared(UserFactors)), ...adminReadErrors(...unknown) },
}

export const resetFactors = {
  ...oneUser,
  operationId: 'resetFactors',
  summary: 'Remove the second factors of a user, after the waiting time of the policy',
  response: {
    202: ok('When they are removed.', Type.Object({ reset_due_at: Instant }, closed)),
    ...adminWriteErrors(...unknown),
  },
}

export const cancelFactorsReset = {
  ...oneUser,
  operationId: 'cancelFactorsReset',
  summary: 'Take such a request back',
  response: { 204: Type.Null({ description: 'The factors stay.' }), ...adminActionErrors(...unknown) },
}
