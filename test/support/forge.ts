// Tokens forged with the service's own key: forgeries that only a check of what they say can refuse.
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { deriveKey } from '../../src/crypto/secrets.ts'
import { createSigningKeys } from '../../src/domain/signing-keys.ts'
import { createStore } from '../../src/repositories/store.ts'
import { type TestApp, testSecretKey } from './app.ts'
import { unwalled } from './database.ts'

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

/** The name of the key that the service signs with, and what changes a true token and signs it again. */
export async function createForge(app: Pick<TestApp, 'sql'>, token: string) {
  const [header, claims] = partsOf(token)
  const sealingKey = deriveKey(Buffer.from(testSecretKey), 'seal')
  const ring = await createSigningKeys(createStore(unwalled(app.sql)), [sealingKey]).open()
  const current = ring.find(({ state }) => state === 'current')
  if (!current) throw new Error('There is no signing key.')
  const ownKey = createPrivateKey({ key: current.privateKey, format: 'der', type: 'pkcs8' })
  return {
    kid: current.kid,
    forge(changes: Changes): string {
      const signed = `${encode({ ...header, ...changes.header })}.${encode({ ...claims, ...changes.claims })}`
      return `${signed}.${sign(null, Buffer.from(signed), changes.key ?? ownKey).toString('base64url')}`
    },
  }
}
