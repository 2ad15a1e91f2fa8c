// The JSON of WebAuthn Level 3 §5.1: the members of credentials that the service reads, and the options that it sends.
import { Type } from '@sinclair/typebox'
import { closed, Id, Nullable } from './primitives.ts'

/** Bytes in base64url, as `toJSON()` of a credential prints them. */
const bytes = (maxLength: number, examples: readonly string[]) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength, examples: [...examples] })

const exampleId = '-R85HbTJsv3g6nAYnLo7tj9Xm6YSKzOtlP8-wzAIS-Q'
/** Up to 1023 bytes (WebAuthn §4). */
export const CredentialId = bytes(1364, [exampleId])
const ClientData = bytes(8192, [
  'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiT2NEblVoUVh1bFRVUG8zSlVYVDBJOTdwdnp6WUJQOXRaaGNZeWF2MDFBZyIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFsc2V9',
])
const credentialType = Type.Literal('public-key')
export const transports = Type.Array(Type.String({ maxLength: 32, examples: ['internal'] }), { maxItems: 16 })
const authenticatorData = bytes(8192, ['v6vDdDKZWLBjNg1q1hNpxHNa5_jt1GWS4PAbRSsuS0UZAAAAAA'])
export const Flow = {
  ...Id,
  description: 'The `flow` of the options, which is answered once within ten minutes.',
}

export const RegistrationCredential = Type.Object(
  {
    id: CredentialId,
    type: credentialType,
    response: Type.Object({
      clientDataJSON: ClientData,
      attestationObject: bytes(32_768, ['o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVik']),
      transports: Type.Optional(transports),
    }),
  },
  {
    description:
      'What `credential.toJSON()` returns (`RegistrationResponseJSON`); other members are ignored.',
  },
)

export const AssertionCredential = Type.Object(
  {
    id: CredentialId,
    type: credentialType,
    response: Type.Object({
      clientDataJSON: ClientData,
      authenticatorData,
      signature: bytes(2048, ['MEYCIQD1Ck4uRAkkrEqFP8NhKC-fhB0']),
      userHandle: Type.Optional(Nullable(bytes(86, ['Xp8uVAAAQACAAAAAAAAAAXwfelJPC02OnFgLH28eKj0']))),
    }),
  },
  {
    description:
      'What `credential.toJSON()` returns (`AuthenticationResponseJSON`); other members are ignored.',
  },
)

const Descriptor = Type.Object(
  { type: credentialType, id: CredentialId, transports: Type.Optional(transports) },
  closed,
)
const Challenge = Type.String({ examples: ['AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA'] })
const Milliseconds = Type.Integer({ description: 'Milliseconds.', examples: [600_000] })

export const CreationOptions = Type.Object(
  {
    rp: Type.Object({ id: Type.String({ examples: ['example.com'] }), name: Type.String() }, closed),
    user: Type.Object({ id: Type.String(), name: Type.String(), displayName: Type.String() }, closed),
    challenge: Challenge,
    pubKeyCredParams: Type.Array(
      Type.Object({ type: credentialType, alg: Type.Integer({ examples: [-7] }) }, closed),
    ),
    timeout: Milliseconds,
    excludeCredentials: Type.Array(Descriptor),
    authenticatorSelection: Type.Object(
      {
        residentKey: Type.Literal('required'),
        requireResidentKey: Type.Boolean(),
        userVerification: Type.Union([Type.Literal('required'), Type.Literal('preferred')]),
      },
      closed,
    ),
    attestation: Type.Literal('none'),
    extensions: Type.Object({ credProps: Type.Boolean() }, closed),
  },
  {
    $id: 'PasskeyCreationOptions',
    ...closed,
    description:
      '`PublicKeyCredentialCreationOptionsJSON`, for `PublicKeyCredential.parseCreationOptionsFromJSON`.',
  },
)

export const RequestOptions = Type.Object(
  {
    challenge: Challenge,
    timeout: Milliseconds,
    rpId: Type.String({ examples: ['example.com'] }),
    allowCredentials: Type.Array(Descriptor, { description: 'Empty at a sign-in: the person chooses.' }),
    userVerification: Type.Literal('required'),
  },
  {
    $id: 'PasskeyRequestOptions',
    ...closed,
    description:
      '`PublicKeyCredentialRequestOptionsJSON`, for `PublicKeyCredential.parseRequestOptionsFromJSON`.',
  },
)
