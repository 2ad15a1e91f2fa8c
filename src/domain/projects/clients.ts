// Clients that ask for a mail in their own name: checks what they say of themselves before a mail follows it.
import type { MailDetails } from '../../repositories/mail/mail-queue.ts'
import { AuthError } from '../errors.ts'
import type { Project } from './projects.ts'
import { onLinkOrigin } from './redirects.ts'

/** What a request says of the client that it comes from; none of it is proven. */
export interface Client {
  /** Where the link begins; its origin must be listed. */
  readonly linkBase?: string | null
  /** The client's own name; without a base, the link begins at the URL that the policy lists for this name. */
  readonly clientAlias?: string | null
  /** Shown only where the project knows it, or the client: see `shownName`. */
  readonly platformName?: string | null
  /** Its origin must be listed: a picture in a mail shows its host who opened it. */
  readonly logoUrl?: string | null
}

/** Characters of an alias or name that are kept; mail shows fewer. */
const maxCharacters = 100

/** A name that tells a reader nothing but a name: no sentence, telephone number, markup or address. */
const isPlainName = (text: string) =>
  /^[\p{L}\p{N}][\p{L}\p{N}\p{M} .&'’-]{0,39}$/u.test(text) &&
  !/ .* .* |\p{N}{4}|\p{N}[ .-]+\p{N}/u.test(text)

/**
 * The name under which a mail that strangers can ask for speaks: one that the project knows, in the project's spelling; or a
 * plain name beside a link of the project's own. Any other could make our mail say what a stranger wants.
 * @returns null: the project's own name
 */
function shownName({ name, policy }: Project, asked: string, isKnownClient: boolean): string | null {
  const given = asked.normalize('NFC').trim()
  const names = [
    name,
    policy.branding.name,
    ...policy.clients.flatMap((client) => [client.name, client.alias]),
  ]
  const known = names.find((known) => known?.toLowerCase() === given.toLowerCase())
  return known ?? (isKnownClient && isPlainName(given) ? given : null)
}

/** No control characters and no lone surrogates: it becomes part of a link. */
const isAlias = (text: string) => text.length <= maxCharacters && !/[\p{Cc}\p{Cs}]/u.test(text)

/**
 * Checks the client of a request. @returns what the mail needs; URLs as the URL standard spells them
 * @throws AuthError redirect_not_allowed (base or alias), logo_not_allowed
 */
export function checkClient(project: Project, asked: Client): NonNullable<MailDetails['frontEnd']> {
  const { linkBase, clientAlias, platformName, logoUrl } = asked
  if (clientAlias && !isAlias(clientAlias)) throw new AuthError('redirect_not_allowed')
  const known = project.policy.clients.find(({ alias }) => alias === clientAlias)
  const base = linkBase ?? known?.url
  const link = base === undefined ? null : onLinkOrigin(project, base)
  if (linkBase && !link) throw new AuthError('redirect_not_allowed')
  const logo = logoUrl ? onLinkOrigin(project, logoUrl) : null
  if (logoUrl && !logo) throw new AuthError('logo_not_allowed')
  const platform = platformName ? shownName(project, platformName, link !== null) : null
  return {
    ...(link && { base: link.href }),
    ...(clientAlias && { alias: clientAlias }),
    ...(platform && { platform }),
    ...(logo && { logoUrl: logo.href }),
  }
}
