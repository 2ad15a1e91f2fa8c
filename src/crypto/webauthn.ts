// Verifies the responses of authenticators (WebAuthn Level 3): registrations (§7.1) and assertions (§7.2).
//
// Attestation is not requested, and ignored if it is sent: keys of every make are accepted, and no certificate is parsed.
import { hash, verify } from 'node:crypto'
import { onceLoaded } from '../once.ts'
import { readCoseKey } from './cose.ts'

/** Algorithms that are offered, by COSE number (RFC 9053 §2.1, RFC 8812 §2): ES256, EdDSA with Ed25519, RS256. */
export const passkeyAlgorithms = [-7, -8, -257] as const

/** Maximum length of a COSE key in bytes; an RSA key of 8192 bits fits. */
const maxKeyBytes = 1100

interface CredentialJson {
  readonly id: string
  readonly type: 'public-key'
  readonly response: { readonly clientDataJSON: string }
}

/** The members of `RegistrationResponseJSON` (§5.1.7) that are read. */
export interface RegistrationJson extends CredentialJson {
  readonly response: {
    readonly clientDataJSON: string
    readonly attestationObject: string
    readonly transports?: readonly string[]
  }
}

/** The members of `AuthenticationResponseJSON` (§5.1.8) that are read. */
export interface AssertionJson extends CredentialJson {
  readonly response: {
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
    readonly userHandle?: string | null
  }
}

/** The values that a response must match. */
export interface Ceremony {
  /** Base64url, as it was sent. */
  readonly challenge: string
  readonly rpId: string
  /** Allowed origins, as browsers write them. */
  readonly origins: ReadonlySet<string>
}

/** The data that an authenticator signs about a use of its key. */
export interface KeyUse {
  readonly userPresent: boolean
  /** Whether the user was verified, as by PIN or fingerprint. */
  readonly userVerified: boolean
  readonly backupEligible: boolean
  readonly backedUp: boolean
  /** 0: the authenticator does not count. */
  readonly signCount: number
}

export interface NewKey extends KeyUse {
  readonly credentialId: Buffer
  /** A COSE key. */
  readonly publicKey: Buffer
  /** A UUID. */
  readonly aaguid: string
}

/** A verified response, or the reason of its refusal in one word. */
export type Verified<T> =
  | ({ readonly kind: 'verified' } & T)
  | { readonly kind: 'refused'; readonly reason: string }

const refused = (reason: string) => ({ kind: 'refused', reason }) as const

// Loaded once, for the first passkey: the library takes as much memory as the rest of the service.
const loadLibrary = onceLoaded(() => import('@simplewebauthn/server'))
const loadParts = onceLoaded(() => import('@simplewebauthn/server/helpers'))

interface ClientData {
  readonly type?: unknown
  readonly challenge?: unknown
  readonly origin?: unknown
  readonly crossOrigin?: unknown
  readonly topOrigin?: unknown
}

function readClientData({ response }: CredentialJson): ClientData {
  try {
    const data: unknown = JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString('utf8'))
    return typeof data === 'object' && data !== null ? data : {}
  } catch {
    return {}
  }
}

/** The challenge in a response, in base64url and not verified; null: none. */
export function challengeOf(credential: CredentialJson): string | null {
  const { challenge } = readClientData(credential)
  return typeof challenge === 'string' ? challenge : null
}

/**
 * Checks the client data of a response. Frames of other origins are refused.
 * @returns the reason of a refusal; null: it matches
 */
function refuseClientData(
  credential: CredentialJson,
  type: 'webauthn.create' | 'webauthn.get',
  { challenge, origins }: Ceremony,
): string | null {
  const data = readClientData(credential)
  if (data.type !== type) return 'wrong_ceremony'
  if (data.challenge !== challenge) return 'wrong_challenge'
  if ((data.crossOrigin !== undefined && data.crossOrigin !== false) || data.topOrigin !== undefined)
    return 'cross_origin'
  return typeof data.origin === 'string' && origins.has(data.origin) ? null : 'wrong_origin'
}

/** Runs a check. The library throws for responses that do not match or cannot be read; their refusal is returned. */
async function checked<T>(check: () => Promise<Verified<T>>): Promise<Verified<T>> {
  try {
    return await check()
  } catch (error) {
    const { name } = error as Error
    return refused(name === 'UnexpectedRPIDHash' ? 'wrong_relying_party' : 'unreadable')
  }
}

/** Verifies the response of a registration (§7.1). The caller decides whether the user must have been verified. */
export function verifyRegistration(
  credential: RegistrationJson,
  ceremony: Ceremony,
): Promise<Verified<NewKey>> {
  return checked(async () => {
    const misfit = refuseClientData(credential, 'webauthn.create', ceremony)
    if (misfit) return refused(misfit)
    const { verifyRegistrationResponse } = await loadLibrary()
    const {
      decodeAttestationObject,
      decodeCredentialPublicKey,
      isoBase64URL,
      isoCBOR,
      parseAuthenticatorData,
    } = await loadParts()
    const { response, id } = credential
    const sent = decodeAttestationObject(isoBase64URL.toBuffer(response.attestationObject))
    const authData = sent.get('authData')
    const withoutStatement = isoCBOR.encode(
      new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authData],
      ]) as Parameters<typeof isoCBOR.encode>[0],
    )
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: response.clientDataJSON,
          attestationObject: isoBase64URL.fromBuffer(withoutStatement),
        },
      },
      expectedChallenge: ceremony.challenge,
      expectedOrigin: [...ceremony.origins],
      expectedRPID: ceremony.rpId,
      requireUserPresence: false,
      requireUserVerification: false,
      supportedAlgorithmIDs: [...passkeyAlgorithms],
    })
    if (!verified || registrationInfo.credential.id !== id) return refused('wrong_credential')
    const { publicKey, counter } = registrationInfo.credential
    if (publicKey.byteLength > maxKeyBytes) return refused('key_too_large')
    // Refuse a key now that no assertion could be verified with. Throws.
    readCoseKey(decodeCredentialPublicKey(publicKey))
    const { flags } = parseAuthenticatorData(authData)
    return {
      kind: 'verified',
      ...useOf(flags),
      signCount: counter,
      credentialId: Buffer.from(id, 'base64url'),
      publicKey: Buffer.from(publicKey),
      aaguid: registrationInfo.aaguid,
    }
  })
}

/**
 * Verifies an assertion with the key of its credential (§7.2). The caller decides whether the user must have been verified,
 * and checks the counter. `node:crypto` verifies the signature in 0.2 ms of processor time, where the library takes 0.5
 * (decisions.md).
 * @param publicKey COSE, as `verifyRegistration` returned it
 */
export function verifyAssertion(
  credential: AssertionJson,
  publicKey: Buffer,
  ceremony: Ceremony,
): Promise<Verified<KeyUse>> {
  return checked(async () => {
    const misfit = refuseClientData(credential, 'webauthn.get', ceremony)
    if (misfit) return refused(misfit)
    const { decodeCredentialPublicKey, parseAuthenticatorData } = await loadParts()
    const { response } = credential
    const authenticatorData = Buffer.from(response.authenticatorData, 'base64url')
    const { flags, rpIdHash, counter } = parseAuthenticatorData(new Uint8Array(authenticatorData))
    if (!sha256(ceremony.rpId).equals(rpIdHash)) return refused('wrong_relying_party')
    if (!flags.up) return refused('user_not_present')
    // An authenticator must not report a backup without eligibility (§6.1.3).
    if (flags.bs && !flags.be) return refused('unreadable')
    const signed = Buffer.concat([
      authenticatorData,
      sha256(Buffer.from(response.clientDataJSON, 'base64url')),
    ])
    const key = readCoseKey(decodeCredentialPublicKey(new Uint8Array(publicKey)))
    const isRight = verify(key.hash, signed, key.publicKey, Buffer.from(response.signature, 'base64url'))
    if (!isRight) return refused('wrong_signature')
    return { kind: 'verified', ...useOf(flags), signCount: counter }
  })
}

const sha256 = (data: string | Buffer) => hash('sha256', data, 'buffer')

const useOf = ({ up, uv, be, bs }: Record<'up' | 'uv' | 'be' | 'bs', boolean>) => ({
  userPresent: up,
  userVerified: uv,
  backupEligible: be,
  backedUp: bs,
})
