// Writes a mail that is owed: what it is about, what it links to and whom it goes to, as all of that is now.
import type { MailSecrets } from './domain/mail-tokens.ts'
import type { Project } from './domain/projects.ts'
import { frontEndLink, frontEndLogo, type LinkPurpose, mailLink } from './mail/links.ts'
import type { OutgoingMail } from './mail/mailer.ts'
import { composeMessage } from './mail/messages.ts'
import type { MailKind, TakenMail } from './repositories/outbox.ts'

/** What the link of each kind does; null: it has none. The mail to an address that was left has no short code. */
export const purposes: Record<MailKind, LinkPurpose | null> = {
  verify_email: 'verify_email',
  address_taken: null,
  reset_password: 'reset_password',
  password_changed: null,
  change_email: 'change_email',
  email_changed: 'undo_email_change',
  new_device: null,
  identity_linked: null,
  api_key_created: null,
  team_invitation: 'team_invitation',
  register: 'register',
}

export function recipientOf({ recipient, user }: TakenMail): string {
  const address = recipient ?? user?.email
  if (address === undefined) throw new Error('A mail is owed to nobody.')
  return address
}

/** Whether nothing is owed any more: the account is locked away, or what the mail is about has happened or was undone. */
export function isMoot({ kind, recipient, user }: TakenMail): boolean {
  if (!user) return false
  if (user.disabledAt) return true
  if (kind === 'verify_email') return user.emailVerifiedAt !== null
  return (kind === 'change_email' || kind === 'email_changed') && recipient === user.email
}

function linkOf(row: TakenMail, project: Project, purpose: LinkPurpose, token: string, publicUrl: string) {
  const { redirect_to, link_origins: linkOrigins } = project.policy
  const { frontEnd, redirectTo } = row.details
  const facts = { publicUrl, projectId: project.id, purpose, token, linkOrigins }
  // Registering is documented for front ends alone, and proven on our own page.
  return frontEnd
    ? frontEndLink({ ...facts, email: recipientOf(row), base: frontEnd.base, alias: frontEnd.alias })
    : mailLink({ ...facts, redirects: [redirectTo, redirect_to] })
}

/** What a mail carries; not every kind has a short code. */
export type Carried = Omit<MailSecrets, 'code'> & { readonly code?: string }

/** Composes a taken mail with what was minted for it. */
export function write(
  row: TakenMail,
  project: Project,
  secrets: Carried | undefined,
  publicUrl: string,
): OutgoingMail {
  const { kind, user, details } = row
  const { device, addressPrefix, provider, teamName, frontEnd } = details
  const { branding, link_origins } = project.policy
  const purpose = purposes[kind]
  const link = purpose && secrets ? linkOf(row, project, purpose, secrets.token, publicUrl) : undefined
  // A front end's page for new passwords takes the link alone.
  const hasCode = purpose !== 'undo_email_change' && !(frontEnd && purpose === 'reset_password')
  const logoUrl = frontEndLogo(frontEnd?.logoUrl, link_origins) ?? branding.logo_url
  const message = composeMessage(kind, {
    locale: details.locale ?? user?.locale ?? null,
    brand: { name: branding.name ?? project.name, logoUrl, color: branding.color },
    // Who is invited is somebody else than the account that the mail is owed for, and maybe nobody's account.
    displayName: kind === 'team_invitation' ? null : (user?.displayName ?? user?.firstName ?? null),
    hasAccount: user !== null,
    ...(user && { newEmail: user.email }),
    at: row.createdAt,
    ...(frontEnd && { platform: frontEnd.platform ?? '' }),
    ...(device && { device }),
    ...(addressPrefix && { addressPrefix }),
    ...(provider && { provider }),
    ...(link && secrets && { link, expiresInSeconds: secrets.lifetimeSeconds }),
    ...(teamName && { teamName }),
    ...(secrets?.code && hasCode && { code: secrets.code }),
  })
  return { id: row.id, kind, to: recipientOf(row), ...message, ...(link && { link }) }
}
