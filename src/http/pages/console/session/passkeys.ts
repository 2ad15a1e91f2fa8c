// Passkeys in the browser (WebAuthn Level 3): converts options from JSON, and credentials to JSON.
import { ApiError } from '../api.ts'
import { t } from '../texts.ts'
import type { PasskeyCreationOptions, PasskeyRequestOptions } from '../types.ts'

function decode(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0))
}

function encode(bytes: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

const decodeIds = (list: PasskeyRequestOptions['allowCredentials']) =>
  list.map((one) => ({ ...one, id: decode(one.id) })) as PublicKeyCredentialDescriptor[]

/** True if this browser can use passkeys on this page. */
export const hasPasskeys = (): boolean => isSecureContext && 'PublicKeyCredential' in globalThis

/** Replaces an error of WebAuthn by one with a sentence for the operator. */
function explain(error: unknown): never {
  const { name } = error as Error
  if (error instanceof ApiError) throw error
  if (name === 'NotAllowedError') throw new Error(t('No passkey was chosen. Try again, or use another way.'))
  if (name === 'InvalidStateError') throw new Error(t('This device has a passkey for the account already.'))
  if (name === 'SecurityError' && /^[\d.]+$|^\[/.test(location.hostname))
    throw new Error(
      t('Passkeys need a name in the address, not a number. Open {url} instead.', {
        url: location.href.replace(location.hostname, 'localhost').split('#')[0] ?? '',
      }),
    )
  if (name === 'SecurityError')
    throw new Error(
      t('Passkeys of this installation belong to another domain. Open the console under PUBLIC_URL.'),
    )
  throw error
}

/** Signs a challenge by a passkey. @returns the credential as JSON. @throws Error with a sentence for the operator */
export async function provePasskey(options: PasskeyRequestOptions): Promise<object> {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    allowCredentials: decodeIds(options.allowCredentials),
  }
  const got = await navigator.credentials.get({ publicKey }).catch(explain)
  const { id, response } = got as PublicKeyCredential & { response: AuthenticatorAssertionResponse }
  return {
    id,
    type: 'public-key',
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle && encode(response.userHandle),
    },
  }
}

/** Creates a passkey. @returns the credential as JSON. @throws Error with a sentence for the operator */
export async function makePasskey(options: PasskeyCreationOptions): Promise<object> {
  const publicKey: PublicKeyCredentialCreationOptions = {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: decodeIds(options.excludeCredentials),
  }
  const made = await navigator.credentials.create({ publicKey }).catch(explain)
  const { id, response } = made as PublicKeyCredential & { response: AuthenticatorAttestationResponse }
  return {
    id,
    type: 'public-key',
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  }
}
