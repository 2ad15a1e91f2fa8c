// Passkeys and second factors of a user, as operators see and remove them.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors } from '../errors.ts'
import { trustedDeviceFields } from '../factors.ts'
import { Passkey } from '../passkeys.ts'
import { closed, Instant, Nullable, Shared } from '../primitives.ts'
import { json } from '../responses.ts'
import { byOperatorsOrSecret, unknownInPath, userParams } from './admin.ts'

const oneUser = { tags: ['Users'], security: byOperatorsOrSecret, params: userParams }

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
  response: { 200: json('The factors.', Shared(UserFactors)), ...adminReadErrors(...unknownInPath) },
}

export const resetFactors = {
  ...oneUser,
  operationId: 'resetFactors',
  summary: 'Remove the second factors of a user, after the waiting time of the policy',
  response: {
    202: json('When they are removed.', Type.Object({ reset_due_at: Instant }, closed)),
    ...adminWriteErrors(...unknownInPath),
  },
}

export const cancelFactorsReset = {
  ...oneUser,
  operationId: 'cancelFactorsReset',
  summary: 'Take such a request back',
  response: { 204: Type.Null({ description: 'The factors stay.' }), ...adminActionErrors(...unknownInPath) },
}
