// Allowed targets of links and redirects: URLs listed in `redirect_urls`, and URLs of origins listed in `link_origins`.
import { AuthError } from '../errors.ts'
import { findListed } from './addresses.ts'
import type { Project } from './projects.ts'

type WithPolicy = Pick<Project, 'policy'>

/** Parses an address that `redirect_urls` lists; null: it is not listed. */
export const onRedirectList = ({ policy }: WithPolicy, address: string): URL | null =>
  findListed(policy.redirect_urls, address)

/**
 * Parses the address of a client's link or logo. Its origin is compared as the URL standard parses it, which handles unusual
 * spellings (userinfo, backslash, encoded dots).
 * @returns null: it is no http or https URL, has credentials, or `link_origins` does not list its origin
 */
export function onLinkOrigin(project: WithPolicy, address: string): URL | null {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || url.username || url.password || !/^https?:$/.test(url.protocol)) return null
  return project.policy.link_origins.includes(url.origin) ? url : null
}

/**
 * Checks the target of a link or redirect.
 * @returns the normalized URL; null: the request names no target
 * @throws AuthError redirect_not_allowed
 */
export function checkRedirect(project: WithPolicy, redirectTo: string | null): string | null {
  if (redirectTo === null) return null
  const url = onRedirectList(project, redirectTo)
  if (!url) throw new AuthError('redirect_not_allowed')
  return url.href
}
