// The browser's part of the authorization code flow, by fetch: follows redirects, keeps cookies, submits the login form.
import type { TestIssuer } from './issuer.ts'

export interface Stop {
  readonly status: number
  readonly url: string
  readonly location: string | null
  readonly text: string
}

export interface Wanderer {
  /** Cookies by host and name. */
  readonly jar: Map<string, Map<string, string>>
  /** Sends one request, without following redirects. */
  visit(url: string, form?: Record<string, string>): Promise<Stop>
  /** Follows redirects. A redirect to `until` is returned and not followed. */
  follow(url: string, until: string, form?: Record<string, string>): Promise<string>
  /** Begins at `start`, signs in at the provider as `subject` (null: cancels), and returns where the provider sends it. */
  toCallback(start: string, issuer: TestIssuer, subject: string | null, callback: string): Promise<string>
}

export function newWanderer(): Wanderer {
  const jar = new Map<string, Map<string, string>>()

  async function visit(url: string, form?: Record<string, string>): Promise<Stop> {
    const { host } = new URL(url)
    const cookies = jar.get(host) ?? new Map<string, string>()
    jar.set(host, cookies)
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    const text = await response.text()
    return { status: response.status, url, location: location && new URL(location, url).href, text }
  }

  async function follow(url: string, until: string, form?: Record<string, string>): Promise<string> {
    let stop = await visit(url, form)
    for (let hops = 0; stop.location && hops < 20; hops++) {
      if (stop.location.startsWith(until)) return stop.location
      stop = await visit(stop.location)
    }
    return stop.url
  }

  return {
    jar,
    visit,
    follow,
    async toCallback(start, issuer, subject, callback) {
      const login = await follow(start, callback)
      if (login.startsWith(callback)) return login
      if (!login.startsWith(`${issuer.url}/interaction/`)) throw new Error(`Stranded at ${login}`)
      return subject === null ? follow(`${login}/abort`, callback) : follow(login, callback, { subject })
    },
  }
}
