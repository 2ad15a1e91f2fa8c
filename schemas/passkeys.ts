// Passkeys: registration, sign-in, and the list with what a browser tells its authenticators (WebAuthn Level 3).
import { type TSchema, Type } from '@sinclair/typebox'
import { actionErrors, readErrors, writeErrors } from './errors.ts'
import { projectHeader, transportHeader } from './headers.ts'
import { closed, Email, Id, Instant, Nullable, PathId, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { byAnyone, bySession } from './security.ts'
import { sessionResponse } from './sessions.ts'
import {
  AssertionCredential,
  CreationOptions,
  CredentialId,
  Flow,
  RegistrationCredential,
  RequestOptions,
  transports,
} from './webauthn.ts'

const tags = ['Passkeys']

const exampleName = 'Google Password Manager'
const PasskeyName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
  examples: ['My phone'],
})

export const Passkey = Type.Object(
  {
    id: Id,
    name: Type.String({
      description: 'As its owner calls it; at first the name of its authenticator, where that is known.',
      examples: [exampleName],
    }),
    created_at: Instant,
    last_used_at: Nullable(Instant),
    backed_up: Type.Boolean({
      description: 'Whether it is kept on more than one device, so that a lost one costs nothing.',
    }),
    aaguid: { ...Id, description: 'The model of the authenticator; nil where it does not say.' },
    transports,
  },
  { $id: 'Passkey', ...closed },
)

/** The arguments of the signal methods of `PublicKeyCredential`. */
const Signals = Type.Object(
  {
    rp_id: Type.String({ examples: ['example.com'] }),
    user_id: Type.String({ description: 'The user handle, base64url.' }),
    all_accepted_credential_ids: Type.Array(CredentialId, {
      description: 'For `signalAllAcceptedCredentials`: what is not in it was removed.',
    }),
    name: Type.String({
      description: 'For `signalCurrentUserDetails`: the address.',
      examples: ['ada@example.com'],
    }),
    display_name: Type.String({ examples: ['Ada'] }),
  },
  { $id: 'PasskeySignals', ...closed },
)

export const passkeySchemas = [Passkey, Signals, CreationOptions, RequestOptions]

const optionsResponse = <T extends TSchema>(options: T) =>
  json(
    'The options, and the flow that the answer belongs to.',
    Type.Object({ flow: Id, options: Shared(options) }, closed),
  )

export const registrationOptions = {
  operationId: 'getPasskeyRegistrationOptions',
  tags,
  summary: 'Begin to add a passkey',
  description:
    'Needs a password sign-in or a step-up within the time that the policy `reauthentication` sets, and an address that mailbox and holder have proven together: else 403 `email_verification_required`, and typing a mailed code in the session (`POST /verify-email/resend`, `/verify-email/confirm`) proves it.',
  security: bySession,
  headers: Type.Object(projectHeader),
  body: Type.Object(
    {
      conditional: Type.Optional(
        Type.Boolean({
          description:
            'For the silent upgrade right after a sign-in by password: pass the options to `navigator.credentials.create` with `mediation: "conditional"`.',
        }),
      ),
    },
    { examples: [{}] },
  ),
  response: {
    200: optionsResponse(CreationOptions),
    ...writeErrors(
      'unauthenticated',
      'step_up_required',
      'email_verification_required',
      'passkey_limit_reached',
    ),
  },
}

export const addPasskey = {
  operationId: 'addPasskey',
  tags,
  summary: 'Add the passkey that an authenticator made',
  description:
    'In the session that began the flow. Without a `name` it is called by its authenticator. The owner is notified by mail. What an authenticator says about its make (attestation) is not looked at.',
  security: bySession,
  headers: Type.Object(projectHeader),
  body: Type.Object({ flow: Flow, credential: RegistrationCredential, name: Type.Optional(PasskeyName) }),
  response: {
    201: json('The passkey.', Shared(Passkey)),
    ...writeErrors(
      'unauthenticated',
      'email_verification_required',
      'passkey_exists',
      'passkey_limit_reached',
    ),
  },
}

export const listPasskeys = {
  operationId: 'listPasskeys',
  tags,
  summary: 'List the passkeys of the account, the oldest first',
  description:
    'With what a browser needs to keep its authenticators current: call `PublicKeyCredential.signalAllAcceptedCredentials` and `signalCurrentUserDetails` with `signals` after a sign-in, and after a passkey was removed or the address or name of the account changed.',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: json(
      'The passkeys.',
      Type.Object({ data: Type.Array(Shared(Passkey)), signals: Shared(Signals) }, closed),
    ),
    ...readErrors('unauthenticated'),
  },
}

const params = Type.Object({
  id: PathId('The id of the passkey.'),
})

export const renamePasskey = {
  operationId: 'renamePasskey',
  tags,
  summary: 'Rename a passkey',
  security: bySession,
  headers: Type.Object(projectHeader),
  params,
  body: Type.Object({ name: PasskeyName }),
  response: { 200: json('The passkey.', Shared(Passkey)), ...writeErrors('unauthenticated', 'not_found') },
}

export const removePasskey = {
  operationId: 'removePasskey',
  tags,
  summary: 'Remove a passkey',
  description:
    'Needs a sign-in by password or passkey, or a step-up, within the time that the policy `reauthentication` sets. The last way into the account cannot be removed. The owner is notified by mail. The authenticator still offers the passkey until a browser tells it, with the `signals` of the list.',
  security: bySession,
  headers: Type.Object(projectHeader),
  params,
  response: {
    204: Type.Null({ description: 'The passkey is removed.' }),
    ...actionErrors('unauthenticated', 'step_up_required', 'not_found', 'validation_failed'),
  },
}

export const signInOptions = {
  operationId: 'getPasskeySignInOptions',
  tags,
  summary: 'Begin to sign in with a passkey',
  description:
    'The person chooses among the passkeys of their authenticators, so the answer is the same for every `email`. For autofill pass the options to `navigator.credentials.get` with `mediation: "conditional"`.',
  security: byAnyone,
  headers: Type.Object(projectHeader),
  body: Type.Object({ email: Type.Optional(Type.Union([Email, Type.Literal('')])) }, { examples: [{}] }),
  response: {
    200: optionsResponse(RequestOptions),
    ...writeErrors(),
  },
}

export const signInWithPasskey = {
  operationId: 'signInWithPasskey',
  tags,
  summary: 'Sign in with a passkey',
  description:
    'The authenticator verifies its owner, so this is two factors in one act: `acr` is `2`, `amr` `hwk` or (where the key may be on several devices) `swk`, and `user`. After 401 `passkey_unknown` with a `credential_id`, call `PublicKeyCredential.signalUnknownCredential`: the passkey was removed here.',
  security: byAnyone,
  headers: Type.Object({ ...projectHeader, ...transportHeader }),
  body: Type.Object({ flow: Flow, credential: AssertionCredential }),
  response: {
    200: sessionResponse('Signed in.'),
    ...writeErrors('passkey_unknown', 'email_verification_required', 'account_disabled'),
  },
}
