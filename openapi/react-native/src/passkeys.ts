// The platform's passkeys for the client, by a module of the shape of `react-native-passkeys`.
import type { PasskeyAuthenticator } from '@sallyport/client'

/** The part of `react-native-passkeys` that is used: JSON in both directions; null where the person chose none. */
export interface PasskeysModule {
  create(options: never): Promise<object | null>
  get(options: never): Promise<object | null>
}

const nothing = () => Object.assign(new Error('No passkey was chosen.'), { name: 'NotAllowedError' })

/**
 * Makes what the client takes as `passkeys`.
 *
 * @param module the module `react-native-passkeys`
 */
export function passkeyAuthenticator(module: PasskeysModule): PasskeyAuthenticator {
  const chosen = async (answer: Promise<object | null>) => {
    const credential = await answer
    if (!credential) throw nothing()
    return credential as never
  }
  return {
    create: (options) => chosen(module.create(options as never)),
    get: (options) => chosen(module.get(options as never)),
  }
}
