// HTTP calls to other services (identity providers, breached-password lists, receivers of webhooks): over TLS, to public addresses, without redirects, bounded in size and time.
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Agent } from 'undici'
import { isLoopback } from '../formats.ts'

/** Thrown when another service cannot be asked; its message holds no secret and no answer. */
export class CallFailed extends Error {
  override name = 'CallFailed'
}

const maxResponseBytes = 512 * 1024
const defaultTimeoutMs = 5000
const forbidden = 'The host has an address that must not be called.'

export interface Call {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Also addresses of the own network, and http to the own host. */
  readonly allowPrivateNetwork: boolean
  /** Milliseconds for the whole call; default: 5 seconds. */
  readonly timeoutMs?: number
}

/** Ranges that are refused even where private networks are allowed: the metadata service of a cloud is link-local. */
const alwaysForbidden = new Set(['linkLocal', 'multicast', 'broadcast', 'unspecified', 'reserved'])

/** Whether an IP address may be called. */
function isAllowedAddress(address: string, allowPrivateNetwork: boolean): boolean {
  if (!ipaddr.isValid(address)) return false
  const range = ipaddr.process(address).range()
  return allowPrivateNetwork ? !alwaysForbidden.has(range) : range === 'unicast'
}

/** Whether a URL may be called: https, or http to this host where private networks are allowed. */
export function isAllowedUrl(
  { protocol, hostname, username, password }: URL,
  allowPrivateNetwork: boolean,
): boolean {
  if (username || password) return false
  if (protocol !== 'https:' && !(protocol === 'http:' && allowPrivateNetwork && isLoopback(hostname)))
    return false
  // No look-up happens for a literal address.
  const literal = hostname.replace(/^\[|\]$/g, '')
  return isIP(literal) === 0 || isAllowedAddress(literal, allowPrivateNetwork)
}

/** A DNS look-up that fails when any address is forbidden. The socket connects to what it returns (no DNS rebinding). */
function guardedLookup(allowPrivateNetwork: boolean): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const [first] = addresses
      if (!first || addresses.some(({ address }) => !isAllowedAddress(address, allowPrivateNetwork)))
        return callback(new CallFailed(forbidden), [])
      if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
}

/** undici and one agent for each rule. Loaded by the first call, because it costs every start time and memory. */
const clients = new Map<boolean, Promise<{ request: typeof import('undici').request; dispatcher: Agent }>>()

function clientFor(allowPrivateNetwork: boolean) {
  const known = clients.get(allowPrivateNetwork)
  if (known) return known
  const made = import('undici').then(({ Agent, request }) => ({
    request,
    dispatcher: new Agent({
      connect: { lookup: guardedLookup(allowPrivateNetwork), timeout: defaultTimeoutMs },
      maxResponseSize: maxResponseBytes,
      // No keep-alive: a code must not be lost because its provider just closed an idle connection.
      pipelining: 0,
    }),
  }))
  clients.set(allowPrivateNetwork, made)
  return made
}

/** Makes one call. @throws CallFailed for a forbidden address, and where there is no answer in time */
async function call(url: URL, { allowPrivateNetwork, method = 'GET', headers, body, timeoutMs }: Call) {
  if (!isAllowedUrl(url, allowPrivateNetwork)) throw new CallFailed(forbidden)
  const { request, dispatcher } = await clientFor(allowPrivateNetwork)
  return request(url, {
    dispatcher,
    method: method as 'GET',
    headers: { 'user-agent': 'sallyport', accept: 'application/json', ...headers },
    body: body ?? null,
    signal: AbortSignal.timeout(timeoutMs ?? defaultTimeoutMs),
  })
}

/** What went wrong in a call, without anything of the answer. */
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
 * Makes one call and reads the status alone, so that an answer without an end costs nothing.
 * @throws CallFailed for a forbidden address, and where there is no answer in time
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
