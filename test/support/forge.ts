// Tokens that are signed with the service's own key, so that only a check of their claims can refuse them.
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { openSigningKeys } from '../../src/domain/signing-keys/signing-keys.ts'
import { type TestApp, testSecretKey } from './app.ts'
import { storesOn } from './database.ts'

export interface Changes {
  readonly header?: object
  readonly claims?: object
  readonly key?: KeyObject
}

const decode = (part = ''): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString())

/** The header and the claims of a token, unverified. */
export function partsOf(token: string): [header: Record<string, unknown>, claims: Record<string, unknown>] {
  const [header, claims] = token.split('.')
  return [decode(header), decode(claims)]
}

export const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWS signature (RFC 7518 §3.4, RFC 8037 §3.1). */
const signWith = (key: KeyObject, text: string) =>
  key.asymmetricKeyType === 'ed25519'
    ? sign(null, Buffer.from(text), key)
    : sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })

/** The `kid` of the service's signing key, and a function that changes a token and signs it again. */
export async function createForge(app: Pick<TestApp, 'sql'>, token: string) {
  const [header, claims] = partsOf(token)
  const sealing = [deriveKey(Buffer.from(testSecretKey), 'seal')] as const
  const keys = await openSigningKeys({ stores: storesOn(app.sql), keys: { sealing } })
  const current = keys.find(({ kid }) => kid === header.kid)
  if (!current) throw new Error('There is no signing key.')
  const ownKey = createPrivateKey({ key: current.privateKey, format: 'der', type: 'pkcs8' })
  return {
    kid: current.kid,
    forge(changes: Changes): string {
      const signed = `${encode({ ...header, ...changes.header })}.${encode({ ...claims, ...changes.claims })}`
      return `${signed}.${signWith(changes.key ?? ownKey, signed).toString('base64url')}`
    },
  }
}
