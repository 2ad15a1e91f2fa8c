// HTTP calls to other services (identity providers, breached-password lists, receivers of webhooks): over TLS, to public addresses,
// without redirects, bounded in size and time. They are the defence against SSRF (OWASP).
import { lookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Agent } from 'undici'
import { isLoopback } from '../formats.ts'
import { onceLoaded } from '../once.ts'

/** Thrown when another service cannot be called or does not answer. Its message holds no secret and nothing of the response. */
export class CallFailed extends Error {
  override name = 'CallFailed'
}

const maxResponseBytes = 512 * 1024
const defaultTimeoutMs = 5000
const forbidden = 'The host has an address that must not be called.'

interface Call {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Whether addresses of the own network are allowed, and http to the own host. */
  readonly allowPrivateNetwork: boolean
  /** Milliseconds for the whole call; default: 5 seconds. */
  readonly timeoutMs?: number
  /** Whether names are resolved by name servers alone, without the system's resolver. Has no effect with `allowPrivateNetwork`. Default: no. */
  readonly asksNameServers?: boolean
}

/** Ranges that are refused even if private networks are allowed: the metadata service of a cloud is link-local. */
const alwaysForbidden = new Set(['linkLocal', 'multicast', 'broadcast', 'unspecified', 'reserved'])

/** Metadata services of clouds that are not link-local: they hand out a machine's credentials. */
const metadataServices = new Set(['fd00:ec2::254', '100.100.100.200', '192.0.0.192'])

/** Whether an IP address may be called. An IPv4 address that is embedded in an IPv6 one is checked as IPv4. */
function isAllowedAddress(address: string, allowPrivateNetwork: boolean): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (metadataServices.has(parsed.toString())) return false
  if (parsed instanceof ipaddr.IPv6) {
    const { parts } = parsed
    const inner = (from: number) =>
      isAllowedAddress(
        new ipaddr.IPv4(parts.slice(from, from + 2).flatMap((part) => [part >> 8, part & 255])).toString(),
        allowPrivateNetwork,
      )
    // IPv4-compatible (RFC 4291 §2.5.5.1), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056).
    if (parts.slice(0, 6).every((part) => part === 0) && parts[6] !== 0) return false
    if (parsed.range() === 'rfc6052') return allowPrivateNetwork && inner(6)
    if (parsed.range() === '6to4') return allowPrivateNetwork && inner(1)
  }
  const range = parsed.range()
  return allowPrivateNetwork ? !alwaysForbidden.has(range) : range === 'unicast'
}

/** Whether a URL may be called: https, or http to this host if private networks are allowed. */
export function isAllowedUrl(
  { protocol, hostname, username, password }: URL,
  allowPrivateNetwork: boolean,
): boolean {
  if (username || password) return false
  if (protocol !== 'https:' && !(protocol === 'http:' && allowPrivateNetwork && isLoopback(hostname)))
    return false
  // A literal address is not looked up, so it is checked here.
  const literal = hostname.replace(/^\[|\]$/g, '')
  return isIP(literal) === 0 || isAllowedAddress(literal, allowPrivateNetwork)
}

interface Address {
  readonly address: string
  readonly family: number
}

/**
 * Calls back with the addresses, or with an error if one of them is forbidden. The socket connects to these addresses, so a second
 * DNS answer has no effect (DNS rebinding).
 */
function answerLookup(
  [first, ...rest]: readonly Address[],
  allowPrivateNetwork: boolean,
  all: boolean | undefined,
  callback: Parameters<LookupFunction>[2],
): void {
  const isAllowed = ({ address }: Address) => isAllowedAddress(address, allowPrivateNetwork)
  if (!first || ![first, ...rest].every(isAllowed)) callback(new CallFailed(forbidden), [])
  else if (all) callback(null, [first, ...rest])
  else callback(null, first.address, first.family)
}

/** Resolves a name as the system does, hosts file included. */
const systemLookup =
  (allowPrivateNetwork: boolean): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) =>
      error ? callback(error, []) : answerLookup(addresses, allowPrivateNetwork, options.all, callback),
    )

/**
 * Resolves a name by name servers alone, with a timeout of its own. The system's lookups share two threads: names whose servers
 * never answer would delay the lookups of sign-in providers.
 */
function nameServerLookup(): LookupFunction {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  return (hostname, options, callback) => {
    const asked = Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    void asked.then(([four, six]) => {
      const found: Address[] = [
        ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
        ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
      ]
      if (/(?:^|\.)localhost\.?$/i.test(hostname)) callback(new CallFailed(forbidden), [])
      else if (found.length === 0) callback(new Error('The name has no address.'), [])
      else answerLookup(found, false, options.all, callback)
    })
  }
}

/** undici and an agent for each kind of lookup. Loaded by the first call, because undici costs time and memory at the start. */
const clients = new Map<
  string,
  () => Promise<{ request: typeof import('undici').request; dispatcher: Agent }>
>()

function clientFor({ allowPrivateNetwork, asksNameServers = false }: Call) {
  const isApart = asksNameServers && !allowPrivateNetwork
  const name = isApart ? 'name servers' : String(allowPrivateNetwork)
  const known = clients.get(name)
  if (known) return known()
  const client = onceLoaded(async () => {
    const { Agent, request } = await import('undici')
    const dispatcher = new Agent({
      connect: {
        lookup: isApart ? nameServerLookup() : systemLookup(allowPrivateNetwork),
        timeout: defaultTimeoutMs,
      },
      maxResponseSize: maxResponseBytes,
      // No keep-alive: a single-use code must not be lost because the provider just closed an idle connection.
      pipelining: 0,
    })
    return { request, dispatcher }
  })
  clients.set(name, client)
  return client()
}

/** Makes one call. @throws CallFailed for a forbidden address, or without a response in time */
async function call(url: URL, given: Call) {
  const { allowPrivateNetwork, method = 'GET', headers, body, timeoutMs } = given
  if (!isAllowedUrl(url, allowPrivateNetwork)) throw new CallFailed(forbidden)
  const { request, dispatcher } = await clientFor(given)
  return request(url, {
    dispatcher,
    method: method as 'GET',
    headers: { 'user-agent': 'sallyport', accept: 'application/json', ...headers },
    body: body ?? null,
    signal: AbortSignal.timeout(timeoutMs ?? defaultTimeoutMs),
  })
}

/** The error of a call, without anything of the response. */
function asCallFailed(cause: unknown, { host }: URL): CallFailed {
  return cause instanceof CallFailed ? cause : new CallFailed(`${host} did not answer.`, { cause })
}

/**
 * Makes one call and reads the whole response. A redirect is returned like any other response.
 * @throws CallFailed for a forbidden address, no response in time, or one longer than 512 KiB
 */
export async function guardedFetch(target: string | URL, given: Call): Promise<Response> {
  const url = new URL(target)
  try {
    const response = await call(url, given)
    const headers = new Headers()
    for (const [name, values] of Object.entries(response.headers))
      for (const value of [values ?? []].flat()) headers.append(name, value)
    const bytes = await response.body.arrayBuffer()
    const { statusCode: status } = response
    return new Response([204, 205, 304].includes(status) ? null : bytes, { status, headers })
  } catch (cause) {
    throw asCallFailed(cause, url)
  }
}

/**
 * Makes one call and reads the status alone, so that an endless response costs nothing.
 * @throws CallFailed for a forbidden address, or without a response in time
 */
export async function guardedStatus(target: string | URL, given: Call): Promise<number> {
  const url = new URL(target)
  try {
    const { statusCode, body } = await call(url, given)
    body.on('error', () => {}).destroy()
    return statusCode
  } catch (cause) {
    throw asCallFailed(cause, url)
  }
}

/** Reads a JSON object. @throws CallFailed for any response but a 200 with an object */
export async function fetchJson(target: string | URL, call: Call): Promise<Record<string, unknown>> {
  const response = await guardedFetch(target, call)
  const { host } = new URL(target)
  if (response.status !== 200) throw new CallFailed(`${host} answered ${response.status}.`)
  const value: unknown = await response.json().catch(() => null)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CallFailed(`${host} sent no JSON object.`)
  return value as Record<string, unknown>
}
