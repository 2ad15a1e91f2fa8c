// Composes a queued mail from the account, the project and the secrets as they are when it is sent.
import type { MailSecrets } from '../domain/credentials/mailed-tokens.ts'
import type { Project } from '../domain/projects/projects.ts'
import { onLinkOrigin, onRedirectList } from '../domain/projects/redirects.ts'
import { languageTagOf } from '../formats.ts'
import { propertiesOf } from '../mail/kinds.ts'
import { clientLink, type LinkPurpose, mailLink } from '../mail/links.ts'
import type { OutgoingMail } from '../mail/mailer.ts'
import { composeMessage } from '../mail/messages.ts'
import { isHolderProven } from '../repositories/accounts/users.ts'
import { undoPurposes } from '../repositories/credentials/verification-tokens.ts'
import type { TakenMail } from '../repositories/mail/mail-queue.ts'

/** The address that a mail goes to. */
export function recipientOf({ recipient, user }: TakenMail): string {
  const address = recipient ?? user?.email
  if (address === undefined) throw new Error('A queued mail has no recipient.')
  return address
}

/** Whether a mail need not be sent any more: the account is disabled, or what the mail asks for was done or undone. */
export function isObsolete({ kind, recipient, user, details }: TakenMail): boolean {
  if (!user) return false
  if (user.disabledAt) return true
  if (kind === 'verify_email') return details.forHolder ? isHolderProven(user) : user.emailVerifiedAt !== null
  return (kind === 'change_email' || kind === 'email_changed') && recipient === user.email
}

/** A client's URL that is allowed now, whatever was allowed when the mail was queued; null for any other. */
function allowed(project: Project, address: string | null | undefined): URL | null {
  return address ? onLinkOrigin(project, address) : null
}

/** The locale of the mail's reader; null: unknown. */
const localeOf = ({ details, user }: TakenMail) => details.locale ?? user?.locale ?? null

function linkOf(row: TakenMail, project: Project, purpose: LinkPurpose, token: string, publicUrl: string) {
  const { frontEnd, redirectTo } = row.details
  const facts = { publicUrl, projectId: project.id, purpose, token, language: languageTagOf(localeOf(row)) }
  // Only clients ask for registrations, and their links lead to our own page.
  if (frontEnd) return clientLink(facts, recipientOf(row), frontEnd.alias, allowed(project, frontEnd.base))
  // An application has no page for the one, and the other asks on ours in which browser to go on.
  if (purpose === 'disown_sign_in' || purpose === 'sign_in') return mailLink(facts, null)
  const page = redirectTo ? onRedirectList(project, redirectTo) : null
  // The operator's own page needs no list: policies of earlier versions have none.
  const { redirect_to: usual } = project.policy
  return mailLink(facts, page ?? (usual === null ? null : new URL(usual)))
}

/** Who invites, as the mail names them. */
function inviterOf({ displayName, firstName, lastName, email }: NonNullable<TakenMail['user']>) {
  const whole = [firstName, lastName].filter(Boolean).join(' ')
  return { inviterName: displayName ?? whole, inviterEmail: email }
}

/** The secrets that a mail carries; not every kind has a short code. */
export type CarriedSecrets = Omit<MailSecrets, 'code'> & { readonly code?: string }

/**
 * Composes a mail.
 * @param secrets minted for this mail; undefined: its kind carries none
 */
export function composeMail(
  row: TakenMail,
  project: Project,
  secrets: CarriedSecrets | undefined,
  publicUrl: string,
): OutgoingMail {
  const { kind, user, details } = row
  const {
    device,
    addressPrefix,
    provider,
    factor,
    passkey,
    dueAt,
    teamName,
    teamRole,
    frontEnd,
    graceSeconds,
    ended,
    stayed,
  } = details
  const { branding } = project.policy
  const { link: purpose } = propertiesOf(kind)
  const link = purpose && secrets ? linkOf(row, project, purpose, secrets.token, publicUrl) : undefined
  // A client's page for new passwords takes the link alone, and the links that undo something have no code.
  const isLinkOnly = undoPurposes.some((undo) => undo === purpose)
  const hasCode = !isLinkOnly && !(frontEnd && purpose === 'reset_password')
  const logoUrl = allowed(project, frontEnd?.logoUrl)?.href ?? branding.logo_url
  const message = composeMessage(kind, {
    locale: localeOf(row),
    brand: { name: branding.name ?? project.name, logoUrl, color: branding.color },
    // The account of an invitation mail is the inviter's; the invitee may have none.
    displayName: kind === 'team_invitation' ? null : (user?.displayName ?? user?.firstName ?? null),
    hasAccount: user !== null,
    newEmail: user?.email,
    at: row.createdAt,
    platform: frontEnd && (frontEnd.platform ?? ''),
    device,
    addressPrefix,
    provider,
    factor,
    dueAt: dueAt === undefined ? undefined : new Date(dueAt),
    passkey,
    teamName,
    teamRole,
    ...(kind === 'team_invitation' && user ? inviterOf(user) : {}),
    ended,
    stayed,
    link,
    expiresInSeconds: secrets?.lifetimeSeconds ?? graceSeconds,
    code: hasCode ? secrets?.code : undefined,
  })
  const sender = { brand: branding.name, project: project.name }
  return { id: row.id, kind, to: recipientOf(row), sender, ...message, ...(link && { link }) }
}
