// Calls to providers: over TLS, to public addresses, without redirects, bounded in size and time.
//
// The address is checked where the connection is made, not before: a name that resolves to something else a moment
// later (DNS rebinding) gains nothing.
import { lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { ProviderUnavailable } from './profile.ts'

const maxBytes = 512 * 1024
const timeoutMs = 5000

export interface Call {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Also addresses of the own network, and http to the own host. */
  readonly allowPrivateNetwork: boolean
}

/** Ranges that are nobody's service, whatever an operator allows: metadata of clouds is link-local. */
const never = new Set(['linkLocal', 'multicast', 'broadcast', 'unspecified', 'reserved'])

/** Whether an address may be called. */
export function isCallable(address: string, allowPrivateNetwork: boolean): boolean {
  if (!ipaddr.isValid(address)) return false
  const range = ipaddr.process(address).range()
  return allowPrivateNetwork ? !never.has(range) : range === 'unicast'
}

const isLoopback = (host: string) =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host)

/** Whether a URL may be called at all: https, or http to this very host where private networks are allowed. */
export function isCallableUrl(url: URL, allowPrivateNetwork: boolean): boolean {
  if (url.username || url.password) return false
  return (
    url.protocol === 'https:' || (allowPrivateNetwork && url.protocol === 'http:' && isLoopback(url.hostname))
  )
}

function guardedLookup(allowPrivateNetwork: boolean): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const [first] = addresses
      if (!first || addresses.some(({ address }) => !isCallable(address, allowPrivateNetwork)))
        return callback(new ProviderUnavailable('The provider has an address that must not be called.'), [])
      if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
}

/**
 * Makes one call. Out: the answer, read whole; a redirect is an answer like any other and is not followed.
 * @throws ProviderUnavailable
 */
export async function callProvider(target: string | URL, call: Call): Promise<Response> {
  const url = new URL(target)
  const { allowPrivateNetwork } = call
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!isCallableUrl(url, allowPrivateNetwork) || (isIP(host) && !isCallable(host, allowPrivateNetwork)))
    throw new ProviderUnavailable('The provider has an address that must not be called.')
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        cause instanceof ProviderUnavailable
          ? cause
          : new ProviderUnavailable(`The provider at ${url.host} did not answer.`, { cause }),
      )
    const outgoing = send(
      url,
      {
        method: call.method ?? 'GET',
        headers: { 'user-agent': 'sallyport', accept: 'application/json', ...call.headers },
        // A connection of its own for each call: none is inherited that was made under other rules.
        agent: false,
        lookup: guardedLookup(allowPrivateNetwork),
        signal: AbortSignal.timeout(timeoutMs),
      },
      (incoming) => {
        const chunks: Buffer[] = []
        let bytes = 0
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > maxBytes) incoming.destroy(new Error('The answer is too long.'))
          else chunks.push(chunk)
        })
        incoming.once('error', fail)
        incoming.once('end', () => {
          const status = incoming.statusCode ?? 0
          const headers = new Headers()
          for (const [name, value] of Object.entries(incoming.headers))
            for (const one of [value ?? []].flat()) headers.append(name, one)
          if (status < 200 || status > 599) return fail(new Error(`Status ${status}.`))
          const body = [204, 205, 304].includes(status) ? null : Buffer.concat(chunks)
          resolve(new Response(body, { status, headers }))
        })
      },
    )
    outgoing.once('error', fail)
    outgoing.end(call.body)
  })
}

/** Reads a JSON document. @throws ProviderUnavailable for any answer but a 200 with an object */
export async function readJson(target: string | URL, call: Call): Promise<Record<string, unknown>> {
  const response = await callProvider(target, call)
  if (response.status !== 200)
    throw new ProviderUnavailable(`The provider at ${new URL(target).host} answered ${response.status}.`)
  const value: unknown = await response.json().catch(() => null)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProviderUnavailable(`The provider at ${new URL(target).host} sent no JSON object.`)
  return value as Record<string, unknown>
}
