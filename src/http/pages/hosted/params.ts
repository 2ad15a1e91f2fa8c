// The query parameters of the hosted pages, which an application sets: where the person is redirected after the sign-in, and whether
// with an authorization code or with a session cookie.
import type { Project } from '../../../domain/projects/projects.ts'
import { onRedirectList } from '../../../domain/projects/redirects.ts'

/** The sections of /account after the first. */
export const accountSections = ['security', 'devices', 'connections', 'data'] as const

export interface PageParams {
  /** One of the project's `redirect_urls`; null: the account's own page. */
  readonly redirectTo: string | null
  /** Echoed to the application. */
  readonly state: string | null
  /** `code_challenge` (RFC 7636, S256): the sign-in ends with a code; null: with a session cookie. */
  readonly challenge: string | null
  /** Prefilled in the field of the address; empty: none. */
  readonly loginHint: string
  /** The section of the account's pages to return to; null: the first. */
  readonly section: (typeof accountSections)[number] | null
  /** `prompt=login`: whether a person who is signed in must sign in again. */
  readonly promptsLogin: boolean
  /** The parameters as a query, which every form and link of the pages repeats. */
  readonly query: string
}

/** Why a query is refused, and the URL or parameter that is at fault. */
export interface ParamFault {
  readonly fault: 'redirect' | 'challenge' | 'cookie' | 'repeated'
  readonly about: string
}

const names = [
  'project',
  'redirect_to',
  'state',
  'code_challenge',
  'code_challenge_method',
  'ui_locales',
  'section',
  'prompt',
] as const
const maxLength = 2048

/** The origin of a web address; null for an application's own scheme. */
const webOrigin = (address: string) => (/^https?:/.test(address) ? new URL(address).origin : null)

/** Whether a page at this URL may use the session cookies of the service. */
function sharesCookies({ policy }: Project, address: string, ownOrigin: string): boolean {
  const origin = webOrigin(address)
  return origin === ownOrigin || (origin !== null && policy.origins.includes(origin))
}

/** Reads the query. @param ownOrigin of PUBLIC_URL */
export function readParams(project: Project, ownOrigin: string, query: unknown): PageParams | ParamFault {
  const given = query as Readonly<Record<string, unknown>>
  const repeated = Object.keys(given).find((name) => typeof given[name] !== 'string')
  if (repeated !== undefined) return { fault: 'repeated', about: repeated }
  const text = (name: string) => (given[name] as string | undefined) || null
  const tooLong = names.find((name) => (text(name)?.length ?? 0) > maxLength)
  if (tooLong) return { fault: 'repeated', about: tooLong }
  const [asked, challenge] = [text('redirect_to'), text('code_challenge')]
  const redirectTo = asked === null ? null : (onRedirectList(project, asked)?.href ?? null)
  if (asked !== null && redirectTo === null) return { fault: 'redirect', about: asked }
  const isS256 = challenge !== null && /^[A-Za-z0-9_-]{43}$/.test(challenge)
  const method = text('code_challenge_method')
  if (challenge !== null && (!isS256 || redirectTo === null)) return { fault: 'challenge', about: challenge }
  if (method !== null && method !== 'S256') return { fault: 'challenge', about: method }
  if (redirectTo !== null && challenge === null && !sharesCookies(project, redirectTo, ownOrigin))
    return { fault: 'cookie', about: webOrigin(redirectTo) ?? redirectTo }
  const kept = names.flatMap((name) => {
    const value = name === 'prompt' ? null : text(name)
    return value === null ? [] : [[name, value] as [string, string]]
  })
  return {
    redirectTo,
    challenge,
    state: text('state'),
    loginHint: text('login_hint') ?? '',
    section: accountSections.find((section) => section === text('section')) ?? null,
    promptsLogin: text('prompt') === 'login',
    query: new URLSearchParams(kept).toString(),
  }
}

/** The application's URL to return to, with `state` and the facts as parameters. */
export function returnUrl(
  { redirectTo, state }: PageParams,
  facts: Readonly<Record<string, string>>,
): string {
  const url = new URL(redirectTo ?? '')
  for (const name of ['code', 'error', 'state']) url.searchParams.delete(name)
  for (const [name, value] of Object.entries({ ...facts, ...(state === null ? {} : { state }) }))
    url.searchParams.set(name, value)
  return url.href
}
