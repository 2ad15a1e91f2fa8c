// The client's address as limits count it: an IPv4 address whole, an IPv6 address by its /64 (one household, one host).
import ipaddr from 'ipaddr.js'

/** No address is longer in any spelling; a count must not remember kilobytes of what is none. */
const longest = 64

const plainIpv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/

/** Normalises an address; IPv4 in its IPv6-mapped form counts as IPv4. What is no address counts by its beginning. */
export function countedAddress(ip: string): string {
  const bare = ip.startsWith('::ffff:') ? ip.slice(7) : ip
  if (plainIpv4.test(bare)) return bare
  if (!ipaddr.isValid(ip)) return ip.slice(0, longest)
  const address = ipaddr.process(ip)
  if (address.kind() === 'ipv4') return address.toString()
  const [network] = ipaddr.IPv6.networkAddressFromCIDR(`${ip.replace(/%.*$/, '')}/64`)
    .toNormalizedString()
    .split('%')
  return `${network}/64`
}

/** The part of an address that an account's owner is shown and that we keep: IPv4 /24, IPv6 /48; null for no address. */
export function addressPrefix(ip: string): string | null {
  const bare = ip.replace(/%.*$/, '')
  if (!ipaddr.isValid(bare)) return null
  const address = ipaddr.process(bare)
  const length = address.kind() === 'ipv4' ? 24 : 48
  const network = (address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(
    `${address.toString()}/${length}`,
  )
  return `${network.toString()}/${length}`
}
