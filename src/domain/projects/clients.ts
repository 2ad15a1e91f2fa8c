// Clients that request a mail under their own name: checks their names and URLs before a mail contains them.
import type { MailDetails } from '../../repositories/mail/mail-queue.ts'
import { AuthError } from '../errors.ts'
import type { Project } from './projects.ts'
import { onLinkOrigin } from './redirects.ts'

/** The client as a request describes it; nothing of it is proven. */
export interface Client {
  /** Base URL of the link; its origin must be listed. */
  readonly linkBase?: string | null
  /** Alias of the client in the policy. Without `linkBase`, the link begins with the URL of that client. */
  readonly clientAlias?: string | null
  /** Display name; see `shownName` for the names that a mail shows. */
  readonly platformName?: string | null
  /** Its origin must be listed, because the host of a picture in a mail learns who opens the mail. */
  readonly logoUrl?: string | null
}

/** Characters of an alias at most. */
const maxCharacters = 100

/** Whether a text can only be read as a name: not as a sentence, telephone number, markup or address. */
const isPlainName = (text: string) =>
  /^[\p{L}\p{N}][\p{L}\p{N}\p{M} .&'’-]{0,39}$/u.test(text) &&
  !/ .* .* |\p{N}{4}|\p{N}[ .-]+\p{N}/u.test(text)

/**
 * Chooses the sender name of a mail that anyone can request: a name that the policy lists, in its spelling; or any plain name if the
 * link leads to a listed origin. Other names are not shown, because a stranger could put a message of their own into our mail.
 * @returns null: use the project's own name
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

/** Whether an alias can be part of a link: it has no control characters and no lone surrogates. */
const isAlias = (text: string) => text.length <= maxCharacters && !/[\p{Cc}\p{Cs}]/u.test(text)

/**
 * Checks the client of a request.
 * @returns the details for the mail, with normalized URLs
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
