// Answers of authenticators (WebAuthn Level 3): of a registration (§7.1) and of an assertion (§7.2).
//
// What an authenticator says about its make (attestation) is not asked for, and not looked at where it is sent: every key is
// as good as another, and no certificate is parsed.
import { createHash, verify } from 'node:crypto'
import type * as library from '@simplewebauthn/server'
import type * as libraryParts from '@simplewebauthn/server/helpers'
import { readCoseKey } from './cose.ts'

/** Algorithms that we offer, by their COSE numbers (RFC 9053 §2.1, RFC 8812 §2): ES256, EdDSA with Ed25519, RS256. */
export const passkeyAlgorithms = [-7, -8, -257] as const

/** Longest COSE key that is stored: RSA with 8192 bits has some room. */
const maxKeyBytes = 1100

interface CredentialJson {
  readonly id: string
  readonly type: 'public-key'
  readonly response: { readonly clientDataJSON: string }
}

/** `RegistrationResponseJSON` (§5.1.7), as far as it is read. */
export interface RegistrationJson extends CredentialJson {
  readonly response: {
    readonly clientDataJSON: string
    readonly attestationObject: string
    readonly transports?: readonly string[]
  }
}

/** `AuthenticationResponseJSON` (§5.1.8), as far as it is read. */
export interface AssertionJson extends CredentialJson {
  readonly response: {
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
    readonly userHandle?: string | null
  }
}

/** What an answer must fit, beside its challenge. */
export interface Ceremony {
  /** Base64url, as it was sent. */
  readonly challenge: string
  readonly rpId: string
  /** As browsers spell them. */
  readonly origins: ReadonlySet<string>
}

/** What an authenticator says about a use of its key. */
export interface KeyUse {
  /** Whether a person was there, and was verified by PIN, fingerprint or the like. */
  readonly userPresent: boolean
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

/** An answer that fits, or a word that says why not. */
export type Verified<T> =
  | ({ readonly kind: 'verified' } & T)
  | { readonly kind: 'refused'; readonly reason: string }

const refused = (reason: string) => ({ kind: 'refused', reason }) as const

// Loaded by the first passkey, and once: the library is as large as the rest of the service.
let loadedLibrary: Promise<typeof library> | undefined
let loadedParts: Promise<typeof libraryParts> | undefined
const loadLibrary = () => {
  loadedLibrary ??= import('@simplewebauthn/server')
  return loadedLibrary
}
const loadParts = () => {
  loadedParts ??= import('@simplewebauthn/server/helpers')
  return loadedParts
}

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

/** The challenge that an answer names, base64url; null: none. It proves nothing. */
export function challengeOf(credential: CredentialJson): string | null {
  const { challenge } = readClientData(credential)
  return typeof challenge === 'string' ? challenge : null
}

/** Why the browser's part of an answer does not fit; null: it does. A page inside a foreign one is refused. */
function misfitOf(
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

/** Runs a check of the library, which throws for what does not fit and for what cannot be read. */
async function checked<T>(check: () => Promise<Verified<T>>): Promise<Verified<T>> {
  try {
    return await check()
  } catch (error) {
    const { name } = error as Error
    return refused(name === 'UnexpectedRPIDHash' ? 'wrong_relying_party' : 'unreadable')
  }
}

/** Verifies the answer of a registration. Whether a person must have been verified is left to the caller. */
export function verifyRegistration(
  credential: RegistrationJson,
  ceremony: Ceremony,
): Promise<Verified<NewKey>> {
  return checked(async () => {
    const misfit = misfitOf(credential, 'webauthn.create', ceremony)
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
        ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {} },
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
    // A key that could not be used later is refused now.
    readCoseKey(decodeCredentialPublicKey(publicKey))
    const { flags } = parseAuthenticatorData(authData)
    return {
      ...{ kind: 'verified', ...useOf(flags), signCount: counter },
      credentialId: Buffer.from(id, 'base64url'),
      publicKey: Buffer.from(publicKey),
      aaguid: registrationInfo.aaguid,
    }
  })
}

/**
 * Verifies an assertion with the key of its credential. Whether a person must have been verified, and what its counter means,
 * is left to the caller. `node:crypto` checks the signature: 0.2 ms of processor time where the library takes 0.5 (decisions.md).
 * @param publicKey COSE, as `verifyRegistration` returned it
 */
export function verifyAssertion(
  credential: AssertionJson,
  publicKey: Buffer,
  ceremony: Ceremony,
): Promise<Verified<KeyUse>> {
  return checked(async () => {
    const misfit = misfitOf(credential, 'webauthn.get', ceremony)
    if (misfit) return refused(misfit)
    const { decodeCredentialPublicKey, parseAuthenticatorData } = await loadParts()
    const { response } = credential
    const authenticatorData = Buffer.from(response.authenticatorData, 'base64url')
    const { flags, rpIdHash, counter } = parseAuthenticatorData(new Uint8Array(authenticatorData))
    if (!sha256(ceremony.rpId).equals(rpIdHash)) return refused('wrong_relying_party')
    if (!flags.up) return refused('user_not_present')
    // A backup without eligibility is a state that no authenticator may report (§6.1.3).
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

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()

const useOf = ({ up, uv, be, bs }: Record<'up' | 'uv' | 'be' | 'bs', boolean>) => ({
  userPresent: up,
  userVerified: uv,
  backupEligible: be,
  backedUp: bs,
})
