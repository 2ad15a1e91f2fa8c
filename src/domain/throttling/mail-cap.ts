// The cap on mails to one recipient, over all kinds and senders.
//
// Two budgets: what a stranger can cause never uses up what the proven owner of an account is told about it.
import { type CountedMail, noteSuppressedMail, reserveMail } from '../../repositories/mail/mail-counts.ts'
import type { MailKind } from '../../repositories/mail/mail-queue.ts'
import type { Context } from '../context.ts'
import { emailKey } from './keys.ts'

/** Mails of an hour that are kept for resets, so that no flood keeps an owner out of the account. */
const reservedResets = 2
/** Notices to a proven address may be as many times the mails that strangers can cause. */
const noticeFactor = 4

/** `asked`: anybody can cause it. `notice`: it tells an owner what happened; to an unproven address it counts as asked. */
const causes: Record<MailKind, 'asked' | 'reset' | 'notice'> = {
  verify_email: 'asked',
  address_taken: 'asked',
  register: 'asked',
  change_email: 'asked',
  team_invitation: 'asked',
  sign_in_code: 'asked',
  reset_password: 'reset',
  password_changed: 'notice',
  email_change_requested: 'notice',
  email_changed: 'notice',
  new_device: 'notice',
  identity_linked: 'notice',
  identity_unlinked: 'notice',
  passkey_added: 'notice',
  passkey_removed: 'notice',
  passkey_counter_back: 'notice',
  api_key_created: 'notice',
  account_opened: 'notice',
  mailbox_entered: 'notice',
  sign_in_failures: 'notice',
  deletion_scheduled: 'notice',
  account_deleted: 'notice',
  // Only in a session or after a right first factor, so that no stranger causes one.
  step_up_code: 'notice',
  second_factor_code: 'notice',
  factor_added: 'notice',
  factor_removed: 'notice',
  recovery_codes_low: 'notice',
  recovery_codes_renewed: 'notice',
  factors_reset_requested: 'notice',
  factors_reset: 'notice',
  impersonated: 'notice',
}

export interface Recipient {
  /** Normalized. */
  readonly email: string
  /** Whether the address is an account's own and proven. Default: no. */
  readonly isProven?: boolean
}

/** How a mail is counted. */
export function countMail(ctx: Context, kind: MailKind, { email, isProven = false }: Recipient): CountedMail {
  const { per_recipient_hour: perHour, per_recipient_day: perDay } = ctx.project.policy.mail
  const isNotice = causes[kind] === 'notice' && isProven
  const factor = isNotice ? noticeFactor : 1
  return {
    mailKey: emailKey(ctx, email),
    budget: isNotice ? 'notice' : 'requested',
    isReset: causes[kind] === 'reset',
    perHour: perHour * factor,
    perDay: perDay * factor,
    reservedResets: isNotice ? 0 : reservedResets,
  }
}

/**
 * Counts a mail for its recipient, before it is known whether the address has an account, in the transaction that queues
 * it. Where the application sends mail itself nothing is counted.
 * @returns 0: it may be queued; else whole seconds until there is room for it
 */
export async function takeMailCap(tx: Context, kind: MailKind, recipient: Recipient): Promise<number> {
  if (tx.project.policy.verification.delivery !== 'email') return 0
  const counted = countMail(tx, kind, recipient)
  return (await reserveMail(tx.store, counted)) ? 0 : suppressMail(tx, kind, counted)
}

/** Notes and reports that a mail is not queued, the same for every address. @returns whole seconds until there is room */
export async function suppressMail(tx: Context, kind: MailKind, counted: CountedMail): Promise<number> {
  const { suppressed, waitSeconds } = await noteSuppressedMail(tx.store, counted)
  tx.services.observer.mailSuppressed({ kind, projectId: tx.project.id, isFirst: suppressed === 1 })
  return waitSeconds
}
