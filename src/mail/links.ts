// Where the link of a mail leads: our own page, or the page of the application that asked.

/** What a link does when a person follows it and says yes. */
export type LinkPurpose =
  | 'verify_email'
  | 'reset_password'
  | 'change_email'
  | 'undo_email_change'
  | 'team_invitation'
  | 'register'

/** Our own pages, for projects that have none. */
export const accountPaths: Readonly<Record<LinkPurpose, string>> = {
  verify_email: '/account/verify-email',
  reset_password: '/account/reset-password',
  change_email: '/account/change-email',
  undo_email_change: '/account/undo-email-change',
  team_invitation: '/account/team-invitation',
  register: '/account/verify',
}

export interface LinkFacts {
  readonly publicUrl: string
  readonly projectId: string
  readonly purpose: LinkPurpose
  readonly token: string
  /** What the request asked for and, next, what the project's policy says; null: nothing. */
  readonly redirects: readonly (string | null | undefined)[]
  /** Origins that links may lead to now, whatever was allowed when the mail was owed. */
  readonly linkOrigins: readonly string[]
}

/** An address of the web on one of the origins, or null. */
function allowed(address: string | null | undefined, linkOrigins: readonly string[]): URL | null {
  if (!address || !URL.canParse(address)) return null
  const url = new URL(address)
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return null
  return linkOrigins.includes(url.origin) ? url : null
}

/**
 * The link: the first redirect that still is allowed, with `type` and `token` in its query, or our own page with
 * `project` and `token`. What the application wrote into its query stays, save those two names.
 */
export function mailLink({
  publicUrl,
  projectId,
  purpose,
  token,
  redirects,
  linkOrigins,
}: LinkFacts): string {
  for (const redirect of redirects) {
    const url = allowed(redirect, linkOrigins)
    if (!url) continue
    url.searchParams.set('type', purpose)
    url.searchParams.set('token', token)
    return url.href
  }
  return `${publicUrl}${accountPaths[purpose]}?${new URLSearchParams({ project: projectId, token })}`
}

export interface FrontEndLinkFacts extends Omit<LinkFacts, 'redirects'> {
  /** The address that the mail goes to. */
  readonly email: string
  readonly base?: string | undefined
  readonly alias?: string | undefined
}

/**
 * The link for a front end that asked in its own name: the last part of our page's path below its base, if that still
 * is allowed, with `verificationCode`, `email` and, where it has one, `clientAlias`; else our own page with the same and
 * `project`. Query and fragment of a base are not part of it.
 */
export function frontEndLink(facts: FrontEndLinkFacts): string {
  const { publicUrl, projectId, purpose, token, email, base, alias, linkOrigins } = facts
  const pairs = [['verificationCode', token], ['email', email], ...(alias ? [['clientAlias', alias]] : [])]
  const query = pairs.map(([name, value = '']) => `${name}=${encodeURIComponent(value)}`).join('&')
  const own = accountPaths[purpose]
  const url = allowed(base, linkOrigins)
  if (!url) return `${publicUrl}${own}?${query}&project=${projectId}`
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}${own.slice(own.lastIndexOf('/'))}?${query}`
}

/** The logo of a front end, while its origin is allowed. */
export function frontEndLogo(address: string | undefined, linkOrigins: readonly string[]): string | null {
  return allowed(address, linkOrigins)?.href ?? null
}
