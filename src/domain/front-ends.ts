// Front ends that ask for a mail in their own name: what of their wishes a mail may follow.
import type { MailDetails } from '../repositories/outbox.ts'
import { AuthError } from './errors.ts'
import type { Project } from './projects.ts'
import { onLinkOrigin } from './redirects.ts'

/** What a caller says of the front end it speaks for; nobody has proven any of it. */
export interface FrontEnd {
  /** Where the link begins; its origin must be listed. */
  readonly linkBase?: string | null
  /** What the front end calls itself; a known one's URL is where the link begins when there is no base. */
  readonly clientAlias?: string | null
  readonly platformName?: string | null
  /** Its origin must be listed: a picture in a mail tells its host who opened it. */
  readonly logoUrl?: string | null
}

/** Characters of an alias or name that are kept; mail shows fewer. */
const mostCharacters = 100

/** No control characters and no halves of characters: it becomes part of a link. */
const isAlias = (text: string) => text.length <= mostCharacters && !/[\p{Cc}\p{Cs}]/u.test(text)

/**
 * What the mail will need to know, addresses in the spelling of the URL standard. No secret.
 * @throws AuthError redirect_not_allowed (base or alias), logo_not_allowed
 */
export function checkFrontEnd(project: Project, asked: FrontEnd): NonNullable<MailDetails['frontEnd']> {
  const { linkBase, clientAlias, platformName, logoUrl } = asked
  if (clientAlias && !isAlias(clientAlias)) throw new AuthError('redirect_not_allowed')
  const known = project.policy.clients.find(({ alias }) => alias === clientAlias)
  const base = linkBase ?? known?.url
  const link = base === undefined ? null : onLinkOrigin(project, base)
  if (linkBase && !link) throw new AuthError('redirect_not_allowed')
  const logo = logoUrl ? onLinkOrigin(project, logoUrl) : null
  if (logoUrl && !logo) throw new AuthError('logo_not_allowed')
  return {
    ...(link && { base: link.href }),
    ...(clientAlias && { alias: clientAlias }),
    ...(platformName && { platform: Array.from(platformName).slice(0, mostCharacters).join('') }),
    ...(logo && { logoUrl: logo.href }),
  }
}
