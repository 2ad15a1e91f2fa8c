// Where a mail's link may lead: only to origins that the operator listed.
import { AuthError } from './errors.ts'
import type { Project } from './projects.ts'

/** The address as the URL standard spells it, if it is one of the web on a listed origin; null otherwise. */
export function onLinkOrigin(project: Project, address: string): URL | null {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || url.username || url.password || !/^https?:$/.test(url.protocol)) return null
  return project.policy.link_origins.includes(url.origin) ? url : null
}

/**
 * Checks an address that a caller gave for a link. Compared by origin as the URL standard parses it, which knows every
 * trick of spelling (userinfo, backslash, missing scheme, encoded dots); what remains of the address is kept.
 * @throws AuthError redirect_not_allowed
 */
export function checkRedirect(project: Project, redirectTo: string | null): string | null {
  if (redirectTo === null) return null
  const url = onLinkOrigin(project, redirectTo)
  if (!url) throw new AuthError('redirect_not_allowed')
  return url.href
}
