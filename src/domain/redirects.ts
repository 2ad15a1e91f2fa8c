// Where a mail's link may lead: only to origins that the operator listed.
import { AuthError } from './errors.ts'
import type { Project } from './projects.ts'

/**
 * Checks an address that a caller gave for a link. Compared by origin as the URL standard parses it, which knows every
 * trick of spelling (userinfo, backslash, missing scheme, encoded dots); what remains of the address is kept.
 * @throws AuthError redirect_not_allowed
 */
export function checkRedirect(project: Project, redirectTo: string | null): string | null {
  if (redirectTo === null) return null
  const url = URL.canParse(redirectTo) ? new URL(redirectTo) : null
  const plain = url && !url.username && !url.password && /^https?:$/.test(url.protocol)
  if (!plain || !project.policy.link_origins.includes(url.origin)) throw new AuthError('redirect_not_allowed')
  return url.href
}
