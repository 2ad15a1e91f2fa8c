// Passkeys in the browser (WebAuthn Level 3): converts options from JSON, and credentials to JSON.
import { ApiError } from '../api.ts'
import { t } from '../texts.ts'

interface Described {
  readonly type: 'public-key'
  readonly id: string
  readonly transports?: AuthenticatorTransport[]
}

export interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
  readonly timeout: number
  readonly allowCredentials: readonly Described[]
  readonly userVerification: 'required'
}

export interface CreationOptions
  extends Omit<PublicKeyCredentialCreationOptions, 'challenge' | 'user' | 'excludeCredentials'> {
  readonly challenge: string
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string }
  readonly excludeCredentials: readonly Described[]
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0))
}

function encode(bytes: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

const describe = (list: readonly Described[]): PublicKeyCredentialDescriptor[] =>
  list.map((one) => ({ ...one, id: decode(one.id) }))

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
export async function provePasskey(options: RequestOptions): Promise<object> {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    allowCredentials: describe(options.allowCredentials),
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
export async function makePasskey(options: CreationOptions): Promise<object> {
  const publicKey: PublicKeyCredentialCreationOptions = {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: describe(options.excludeCredentials),
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
