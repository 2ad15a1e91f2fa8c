// A software authenticator without a browser, whose answers can be valid or invalid.
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import type { AssertionJson, RegistrationJson } from '../../src/crypto/webauthn.ts'

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()
const base64url = (data: Uint8Array) => Buffer.from(data).toString('base64url')

interface CreationOptions {
  readonly rp: { readonly id: string }
  readonly user: { readonly id: string }
  readonly challenge: string
}
interface RequestOptions {
  readonly rpId: string
  readonly challenge: string
}

/** Values that make an answer invalid. */
export interface Lies {
  readonly challenge?: string
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly crossOrigin?: boolean
  readonly topOrigin?: string
  readonly userVerified?: boolean
  readonly userPresent?: boolean
  readonly backupEligible?: boolean
  readonly signCount?: number
  readonly userHandle?: string | null
  readonly credentialId?: Buffer
  readonly attestation?: unknown
}

export interface SoftKey {
  readonly id: string
  readonly userHandle: string
  /** Answers a request. */
  get(options: RequestOptions, lies?: Lies): AssertionJson
}

/** A key in a form that can be sent to another process. */
export interface KeptKey {
  /** Base64url. */
  readonly credentialId: string
  /** PKCS #8, PEM. */
  readonly privateKey: string
  readonly userHandle: string
}

interface Made {
  readonly credential: RegistrationJson
  readonly key: SoftKey
  readonly kept: KeptKey
}

export interface AuthenticatorOptions {
  readonly origin: string
  readonly aaguid?: string
  /** Whether its keys are synchronised between devices; default: no. */
  readonly synced?: boolean
  /** Whether it has a signature counter; default: no. */
  readonly counts?: boolean
}

const nil = '00000000-0000-0000-0000-000000000000'

export function createAuthenticator({
  origin,
  aaguid = nil,
  synced = false,
  counts = false,
}: AuthenticatorOptions) {
  const clientData = (type: string, challenge: string, lies: Lies) =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
        ...(lies.topOrigin && { topOrigin: lies.topOrigin }),
      }),
    )
  const header = (rpId: string, attested: boolean, count: number, lies: Lies) => {
    const eligible = lies.backupEligible ?? synced
    const flags =
      Number(lies.userPresent ?? true) |
      (Number(lies.userVerified ?? true) << 2) |
      (Number(eligible) << 3) |
      (Number(eligible) << 4) |
      (Number(attested) << 6)
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(lies.signCount ?? count)
    return Buffer.concat([sha256(lies.rpId ?? rpId), Buffer.from([flags]), counter])
  }

  function keyOf(credentialId: Buffer, privateKey: KeyObject, userHandle: string): SoftKey {
    let uses = 0
    return {
      id: base64url(credentialId),
      userHandle,
      get({ rpId, challenge }, lies = {}) {
        uses++
        const data = clientData('webauthn.get', challenge, lies)
        const authenticatorData = header(rpId, false, counts ? uses : 0, lies)
        const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(data)]), privateKey)
        const handle = lies.userHandle === undefined ? userHandle : lies.userHandle
        return {
          id: base64url(credentialId),
          type: 'public-key',
          response: {
            clientDataJSON: base64url(data),
            authenticatorData: base64url(authenticatorData),
            signature: base64url(signature),
            ...(handle !== null && { userHandle: handle }),
          },
        }
      },
    }
  }

  const withKey = (kept: KeptKey) => {
    const { credentialId, privateKey, userHandle } = kept
    return {
      kept,
      key: keyOf(Buffer.from(credentialId, 'base64url'), createPrivateKey(privateKey), userHandle),
    }
  }

  return {
    /** Creates a key and answers a registration. */
    create({ rp, user, challenge }: CreationOptions, lies: Lies = {}): Made {
      const credentialId = lies.credentialId ?? randomBytes(32)
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' })
      const cose = isoCBOR.encode(
        new Map<number, number | Uint8Array>([
          [1, 2],
          [3, -7],
          [-1, 1],
          [-2, new Uint8Array(Buffer.from(x, 'base64url'))],
          [-3, new Uint8Array(Buffer.from(y, 'base64url'))],
        ]),
      )
      const length = Buffer.alloc(2)
      length.writeUInt16BE(credentialId.length)
      const authData = Buffer.concat([
        header(rp.id, true, 0, lies),
        Buffer.from(aaguid.replaceAll('-', ''), 'hex'),
        length,
        credentialId,
        cose,
      ])
      const attestationObject = isoCBOR.encode(
        new Map<string, unknown>([
          ['fmt', lies.attestation === undefined ? 'none' : 'packed'],
          ['attStmt', lies.attestation ?? new Map()],
          ['authData', new Uint8Array(authData)],
        ]) as Parameters<typeof isoCBOR.encode>[0],
      )
      return {
        credential: {
          id: base64url(credentialId),
          type: 'public-key',
          response: {
            clientDataJSON: base64url(clientData('webauthn.create', challenge, lies)),
            attestationObject: base64url(attestationObject),
            transports: ['internal', 'hybrid'],
          },
        },
        ...withKey({
          credentialId: base64url(credentialId),
          privateKey: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
          userHandle: user.id,
        }),
      }
    },
    restore: (kept: KeptKey): SoftKey => withKey(kept).key,
  }
}
