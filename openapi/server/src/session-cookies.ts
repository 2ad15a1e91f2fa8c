// The application's own cookies: the tokens of its visitor, and what a sign-in in progress needs. No script can read them.
import { cookieOf, headerOf, type RequestLike } from './requests.js'

/** `access` and `refresh`: the session; `flow`: a sign-in by redirect; `challenge`: a sign-in that waits for a second factor. */
export type CookieKind = 'access' | 'refresh' | 'flow' | 'challenge'

/** A session as the service answers it. */
export interface IssuedSession {
  readonly access_token?: string | undefined
  readonly refresh_token?: string | undefined
  readonly expires_in?: number | undefined
  readonly expires_at?: string | undefined
  readonly refresh_token_expires_at?: string | undefined
}

export interface SessionCookies {
  read(request: RequestLike, kind: CookieKind): string | null
  /** A line of Set-Cookie. */
  write(kind: CookieKind, value: string, maxAgeSeconds: number): string
  clear(kind: CookieKind): string
  /** The lines that store a session. */
  store(issued: IssuedSession): string[]
  /** The lines that end it. */
  drop(): string[]
}

/**
 * Creates the cookies of an application.
 *
 * @param name the first part of their names
 * @param secure true where the application is served over https: they are then bound to its host (`__Host-`, RFC 6265bis)
 */
export function createSessionCookies(name: string, secure: boolean): SessionCookies {
  const nameOf = (kind: CookieKind) => `${secure ? '__Host-' : ''}${name}_${kind}`
  const write = (kind: CookieKind, value: string, maxAgeSeconds: number) =>
    // Lax: a provider and the service's pages send the browser back with a GET from their own site.
    `${nameOf(kind)}=${value}; Max-Age=${maxAgeSeconds}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  const clear = (kind: CookieKind) => write(kind, '', 0)
  return {
    read: (request, kind) => cookieOf(request, nameOf(kind)) || null,
    write,
    clear,
    store(issued) {
      const { access_token = '', refresh_token = '', expires_in = 0 } = issued
      const between = Date.parse(issued.refresh_token_expires_at ?? '') - Date.parse(issued.expires_at ?? '')
      // Differences of the service's own times, so that the clock of this machine does not matter.
      const refreshSeconds = Math.max(0, Math.round(between / 1000) || 0) + expires_in
      return [write('access', access_token, expires_in), write('refresh', refresh_token, refreshSeconds)]
    },
    drop: () => [clear('access'), clear('refresh')],
  }
}

/** The Cookie header of a request after an answer with these lines of Set-Cookie. */
export function cookiesAfter(request: RequestLike, setCookies: readonly string[]): string {
  const jar = new Map<string, string>()
  const keep = (pair: string) => {
    const [name = '', ...value] = pair.split('=')
    if (name.trim()) jar.set(name.trim(), value.join('=').trim())
  }
  for (const pair of (headerOf(request, 'cookie') ?? '').split(';')) keep(pair)
  for (const line of setCookies) keep(line.split(';', 1)[0] ?? '')
  return [...jar].flatMap(([name, value]) => (value ? [`${name}=${value}`] : [])).join('; ')
}
