// Keys under which an address, a client and a device are counted and known: HMACs, so that no row holds them.
import { keyedHash } from '../../crypto/secrets.ts'
import type { Context } from '../context.ts'

/** HMAC of an e-mail address, by which it is known whether or not it has an account. */
export function emailKey({ services }: Context, email: string): Buffer {
  return keyedHash(services.keys.lookup, 'email', email)
}

/** HMAC of the client's address, by which it is counted and known. */
export function addressKey({ services, caller }: Context): Buffer {
  return keyedHash(services.keys.lookup, 'address', caller.address)
}

/** HMAC of the client's device: its network and what its agent says. */
export function deviceKey({ services, caller }: Context): Buffer {
  return keyedHash(services.keys.lookup, 'device', caller.addressPrefix ?? '', caller.device)
}
