// Reads a request of any framework: headers, cookies, and whether a page of another site made it.
import { CrossSiteRequestError } from './errors.js'

/** A Request, or anything with its headers: of Node, Express, Fastify, or `headers()` of Next.js. */
export interface RequestLike {
  readonly headers:
    | { get(name: string): string | null }
    | Readonly<Record<string, string | string[] | undefined>>
  readonly method?: string | undefined
}

/** The value of a header; null where there is none. */
export function headerOf({ headers }: RequestLike, name: string): string | null {
  if (typeof headers.get === 'function') return (headers as Headers).get(name)
  const value = (headers as Record<string, string | string[] | undefined>)[name]
  return (Array.isArray(value) ? value.join(name === 'cookie' ? '; ' : ', ') : value) ?? null
}

/** The value of a cookie; null where there is none. The first one counts, as in the service. */
export function cookieOf(request: RequestLike, name: string): string | null {
  for (const pair of (headerOf(request, 'cookie') ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return null
}

/** The access token of the Authorization header (RFC 6750 §2.1); null where there is none. */
export const bearerOf = (request: RequestLike): string | null =>
  /^bearer +([\w.~+/-]+=*) *$/i.exec(headerOf(request, 'authorization') ?? '')?.[1] ?? null

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses a request that a page of another origin may have made. Browsers send Sec-Fetch-Site or Origin with every
 * cross-site POST, so a request with neither was not made by a page.
 *
 * @param origin of the application; without one, the host of the request decides
 * @throws CrossSiteRequestError
 */
export function refuseCrossSite(request: RequestLike, origin: string | null): void {
  if (safeMethods.has((request.method ?? 'GET').toUpperCase())) return
  const site = headerOf(request, 'sec-fetch-site')
  if (site === 'same-origin' || site === 'none') return
  const claimed = headerOf(request, 'origin')
  if (site === null && claimed === null) return
  if (claimed !== null && claimed !== 'null') {
    if (origin !== null && claimed === origin) return
    if (origin === null && URL.canParse(claimed) && new URL(claimed).host === headerOf(request, 'host'))
      return
  }
  throw new CrossSiteRequestError()
}

/**
 * The path of this application to which a browser is sent.
 *
 * @param wanted of any shape, as it came in a request
 * @returns `fallback` for everything that is not a path of the application
 */
export function safeReturnTo(wanted: unknown, appUrl: string, fallback = '/'): string {
  if (typeof wanted !== 'string' || !wanted.startsWith('/') || /[\\\s\p{Cc}]/u.test(wanted)) return fallback
  if (!URL.canParse(wanted, appUrl)) return fallback
  const url = new URL(wanted, appUrl)
  // A removed dot segment may leave two slashes in front (`/.//host`), which browsers read as another host.
  if (url.origin !== new URL(appUrl).origin || url.pathname.startsWith('//')) return fallback
  return url.pathname + url.search + url.hash
}
