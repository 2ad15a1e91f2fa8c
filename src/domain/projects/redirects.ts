// Where links and browsers may be sent: exact URLs of `redirect_urls`, and below the origins of `link_origins`.
import { AuthError } from '../errors.ts'
import { findListed } from './addresses.ts'
import type { Project } from './projects.ts'

type WithPolicy = Pick<Project, 'policy'>

/** Finds where a link or a browser may be sent; null: it is not one of the project's `redirect_urls`. */
export const onRedirectList = ({ policy }: WithPolicy, address: string): URL | null =>
  findListed(policy.redirect_urls, address)

/**
 * Parses an address that a client's link or logo may have. It is compared by origin as the URL standard parses it, which
 * knows every spelling (userinfo, backslash, missing scheme, encoded dots).
 * @returns null: it is no http or https URL, carries credentials, or its origin is not listed in `link_origins`
 */
export function onLinkOrigin(project: WithPolicy, address: string): URL | null {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || url.username || url.password || !/^https?:$/.test(url.protocol)) return null
  return project.policy.link_origins.includes(url.origin) ? url : null
}

/**
 * Checks where a link or a browser is to be sent; null where the request does not say.
 * @throws AuthError redirect_not_allowed
 */
export function checkRedirect(project: WithPolicy, redirectTo: string | null): string | null {
  if (redirectTo === null) return null
  const url = onRedirectList(project, redirectTo)
  if (!url) throw new AuthError('redirect_not_allowed')
  return url.href
}
