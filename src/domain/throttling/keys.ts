// HMACs under which e-mail addresses, client addresses and devices are stored and counted, so that no row holds the originals.
import { keyedHash } from '../../crypto/secrets.ts'
import type { Context } from '../context.ts'

/** HMAC of a normalized e-mail address, which need not have an account. */
export function emailKey({ services }: Context, email: string): Buffer {
  return keyedHash(services.keys.lookup, 'email', email)
}

/** HMAC of the client's address. */
export function addressKey({ services, caller }: Context): Buffer {
  return keyedHash(services.keys.lookup, 'address', caller.address)
}

/** HMAC of the client's device: its network, and its browser and operating system. */
export function deviceKey({ services, caller }: Context): Buffer {
  return keyedHash(services.keys.lookup, 'device', caller.addressPrefix ?? '', caller.device)
}
