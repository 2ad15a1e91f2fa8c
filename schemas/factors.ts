// Second factors: completing a sign-in by one, and enrolling, listing and removing them.
import { Type } from '@sinclair/typebox'
import { actionErrors, readErrors, writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader, sessionHeaders, transportHeader } from './headers.ts'
import { codeMailed, codeRequested } from './mailed-codes.ts'
import {
  closed,
  DeviceToken,
  factorMethods,
  Id,
  Instant,
  Nullable,
  OneOf,
  Secret,
  Shared,
} from './primitives.ts'
import { json } from './responses.ts'
import { byAnyone, bySession } from './security.ts'
import { sessionFields } from './sessions.ts'
import { AssertionCredential } from './webauthn.ts'

const Challenge = Secret(
  Type.String({
    minLength: 1,
    maxLength: 128,
    description: 'From the answer `second_factor_required`.',
    examples: ['sfc_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
  }),
)

/** A code as a person types it: digits of any width, spaces anywhere; recovery codes have letters and dashes. */
export const FactorCode = Secret(Type.String({ minLength: 1, maxLength: 64, examples: ['287082'] }))

const method = OneOf(factorMethods, {
  description: 'One of the `factors` of the answer `second_factor_required`.',
  examples: ['totp'],
})

export const CompletedSession = Type.Object(
  {
    ...sessionFields,
    device_token: Type.Optional(DeviceToken),
    device_token_expires_in: Type.Optional(Type.Integer({ description: 'Seconds.', examples: [2_592_000] })),
  },
  { $id: 'CompletedSession', ...closed },
)

export const completeSecondFactor = {
  operationId: 'completeSecondFactor',
  tags: ['Sign-up and sign-in'],
  summary: 'Complete a sign-in by its second factor',
  description:
    'For a sign-in that answered `second_factor_required`: with `code`, or for `passkey` with the `credential` that a browser answers `passkey_options` with. A challenge works once, for five minutes, for the client that got it; five wrong codes end it, and wrong codes are counted for the account over all of its challenges. A code of an authenticator is accepted once, and one step of 30 seconds early or late. With `trust_device` this browser or app is not asked again for as long as the policy says (`factors.trusted_device_days`), or until the password, the factors or the list of devices change.',
  security: byAnyone,
  headers: Type.Object({ ...projectHeader, ...transportHeader }),
  body: Type.Object({
    challenge: Challenge,
    method,
    code: Type.Optional(FactorCode),
    credential: Type.Optional(AssertionCredential),
    trust_device: Type.Optional(Type.Boolean()),
  }),
  response: {
    200: json('Signed in.', Shared(CompletedSession), sessionHeaders),
    ...writeErrors('second_factor_invalid', 'too_many_attempts'),
  },
}

export const requestSecondFactorCode = {
  operationId: 'requestSecondFactorCode',
  tags: ['Sign-up and sign-in'],
  summary: 'Request the mailed code that completes a sign-in',
  description:
    'Where `factors` has `email_code`: the policy demands a second factor and the account has enrolled none. The code works once, for five minutes, and with this challenge only. Asked for again within the cooldown, the answer is the same and no mail is sent.',
  security: [{}, { projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  body: Type.Object({ challenge: Challenge }),
  response: {
    202: codeRequested(codeMailed, {}),
    ...writeErrors('second_factor_invalid'),
  },
}

/** A device that an account trusts. */
export const trustedDeviceFields = {
  id: Id,
  device: Type.String({ examples: ['Firefox on Linux'] }),
  address_prefix: Nullable(Type.String(), {
    description: 'The network in which it was trusted: IPv4 /24 or IPv6 /48.',
    examples: ['203.0.113.0/24'],
  }),
  created_at: Instant,
  last_used_at: Instant,
  expires_at: Instant,
}

export const Factors = Type.Object(
  {
    totp: Type.Boolean({ description: 'Whether an authenticator app is enrolled.' }),
    passkeys: Type.Array(Type.Object({ id: Id, name: Type.String(), created_at: Instant }, closed), {
      description: 'Each completes a sign-in as a second factor; `GET /passkeys` has more about them.',
    }),
    recovery_codes_left: Type.Integer({ minimum: 0, examples: [10] }),
    trusted_devices: Type.Array(Type.Object(trustedDeviceFields, closed)),
  },
  { $id: 'Factors', ...closed },
)

export const listFactors = {
  operationId: 'listFactors',
  tags: ['Second factors'],
  summary: 'List the second factors of the user, and the devices that spare them',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: json('The factors.', Shared(Factors)),
    ...readErrors('unauthenticated'),
  },
}

export const proposeTotp = {
  operationId: 'proposeAuthenticator',
  tags: ['Second factors'],
  summary: 'Get the secret for an authenticator app',
  description:
    'It counts once a code of it was confirmed; until then another call replaces it. Needs a recent sign-in, and an address that the mailbox and the holder of the account have proven together (else 403): type the code of a verification mail in the session.',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    201: json(
      'The secret, which is shown once.',
      Type.Object(
        {
          secret: Secret(Type.String({ description: 'Base32.', examples: ['JBSWY3DPEHPK3PXP'] })),
          otpauth_uri: Secret(
            Type.String({ examples: ['otpauth://totp/Acme:ada@example.com?secret=JBSWY3DPEHPK3PXP'] }),
          ),
          qr_svg: Secret(Type.String({ description: 'The same as a QR code, as an SVG picture.' })),
        },
        closed,
      ),
    ),
    ...actionErrors(
      'unauthenticated',
      'step_up_required',
      'email_verification_required',
      'validation_failed',
    ),
  },
}

const recoveryCodes = (description: string) =>
  json(
    description,
    Type.Object(
      {
        recovery_codes: Secret(
          Type.Array(Type.String({ examples: ['4k2m-9xq7-t0bd-w6fa'] }), {
            description: 'Each stands in for a lost second factor, once. Shown this once.',
          }),
        ),
      },
      closed,
    ),
  )

export const confirmTotp = {
  operationId: 'confirmAuthenticator',
  tags: ['Second factors'],
  summary: 'Enrol the authenticator app by one of its codes',
  description:
    'From now on every sign-in asks for it. Every other session ends; this one keeps its tokens and has proven both factors.',
  security: bySession,
  headers: Type.Object(projectHeader),
  body: Type.Object({ code: FactorCode }),
  response: {
    200: recoveryCodes('Enrolled.'),
    ...writeErrors('unauthenticated', 'email_verification_required', 'too_many_attempts'),
  },
}

export const removeTotp = {
  operationId: 'removeAuthenticator',
  tags: ['Second factors'],
  summary: 'Remove the authenticator app',
  description:
    'Recovery codes end with the last second factor, and so does the trust in devices. Needs a step-up by a factor.',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    204: Type.Null({ description: 'It is removed.' }),
    ...actionErrors('unauthenticated', 'step_up_required', 'not_found'),
  },
}

export const renewRecoveryCodes = {
  operationId: 'renewRecoveryCodes',
  tags: ['Second factors'],
  summary: 'Make new recovery codes',
  description: 'The old ones end. Needs a step-up by a factor.',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    201: recoveryCodes('The new codes.'),
    ...actionErrors('unauthenticated', 'step_up_required', 'validation_failed'),
  },
}

export const endTrustedDevices = {
  operationId: 'endTrustedDevices',
  tags: ['Second factors'],
  summary: 'Ask for the second factor on every device again',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    204: Type.Null({ description: 'No device is trusted.' }),
    ...actionErrors('unauthenticated'),
  },
}
