// The client's address, brought into one spelling before it is compared, counted or stored.
import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The counted address of all clients whose address cannot be read: together they are one client. */
const unknownAddress = 'unknown'

/** The maximum length of a text that is parsed as an address. */
const longest = 128

/**
 * An address as proxies write it: perhaps quoted (RFC 7239 §6), IPv4 or an IPv6 address in brackets perhaps with a port,
 * an IPv6 address perhaps with a zone (RFC 4007 §11).
 */
const written =
  /^\s*(?:"\s*)?(?:\[([0-9a-f:.]+)(?:%[\w.~%-]*)?\](?::\d{0,5})?|([\d.]+)(?::\d{0,5})?|([0-9a-f:.]+)(?:%[\w.~%-]*)?)(?:\s*")?\s*$/i

/**
 * The one spelling of an address (RFC 5952): without port, brackets, quotes and zone. An IPv4-mapped IPv6 address
 * (`::ffff:203.0.113.8`) becomes the IPv4 address.
 * @returns null for a text that is not an address
 */
export function canonicalAddress(text: string | undefined): string | null {
  if (text === undefined || text.length > longest) return null
  const [, bracketed, dotted, plain] = written.exec(text) ?? []
  if (dotted !== undefined) return isIPv4(dotted) ? dotted : null
  const bare = bracketed ?? plain
  return bare !== undefined && isIPv6(bare) ? ipaddr.process(bare).toString() : null
}

/** Whether a canonical address is a trusted proxy's. */
type Trust = (address: string) => boolean

/** @param proxies addresses and CIDR ranges, as `TRUSTED_PROXIES` holds them */
export function trustOf(proxies: readonly string[]): Trust {
  if (proxies.length === 0) return () => false
  const ranges = proxies.map((entry) => {
    const [address = '', length] = entry.replace(/%[^/]*/, '').split('/')
    const parsed = ipaddr.parse(address)
    if (parsed.kind() !== 'ipv6' || !(parsed as ipaddr.IPv6).isIPv4MappedAddress())
      return [parsed, Number(length ?? (parsed.kind() === 'ipv4' ? 32 : 128))] as const
    return [(parsed as ipaddr.IPv6).toIPv4Address(), Math.max(0, Number(length ?? 128) - 96)] as const
  })
  return (address) => {
    const parsed = ipaddr.parse(address)
    return ranges.some(([range, length]) => parsed.kind() === range.kind() && parsed.match(range, length))
  }
}

/**
 * The client of a request: the socket's peer, or the rightmost entry of `X-Forwarded-For` that is no trusted proxy, where the
 * peer is one. The entries left of it are not trusted, because the client may have sent them.
 * @param peer address of the socket's other end
 * @param forwardedFor the header's lines, joined by commas
 * @returns a canonical address; null where that entry cannot be read
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
  isTrusted: Trust,
): string | null {
  let found = canonicalAddress(peer)
  if (forwardedFor === undefined) return found
  const entries = String(forwardedFor).split(',')
  while (found !== null && entries.length > 0 && isTrusted(found)) found = canonicalAddress(entries.pop())
  return found
}

/**
 * The client as limits count it: an IPv4 address whole, an IPv6 address by its /64 (one household, one host).
 * @param address a canonical address, or null for one that cannot be read
 */
export function countedAddress(address: string | null): string {
  if (address === null) return unknownAddress
  return isIPv4(address) ? address : `${networkOf(address, 64).toNormalizedString()}/64`
}

/**
 * The prefix of an address that is stored and shown to the owner of an account: IPv4 /24, IPv6 /48.
 * @param address a canonical address, or null for one that cannot be read
 */
export function addressPrefix(address: string | null): string | null {
  if (address === null) return null
  const length = isIPv4(address) ? 24 : 48
  return `${networkOf(address, length).toString()}/${length}`
}

const networkOf = (address: string, length: number) =>
  (isIPv4(address) ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(`${address}/${length}`)
