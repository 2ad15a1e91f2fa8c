// The cap on mails to one recipient, over all kinds and requesters.
//
// There are two budgets, so that mails which a stranger can request never use up the notices to the proven owner of an account.
import { type MailKind, propertiesOf } from '../../mail/kinds.ts'
import { type CountedMail, noteSuppressedMail, reserveMail } from '../../repositories/mail/mail-counts.ts'
import type { Context } from '../context.ts'
import { emailKey } from './keys.ts'

/** Mails of an hour that are reserved for password resets, so that a flood of other mails does not block recovery. */
const reservedResets = 2
/** The budget of notices to a proven address is this many times the budget of requested mails. */
const noticeFactor = 4

export interface Recipient {
  /** Normalized. */
  readonly email: string
  /** Whether it is the proven address of an account. Default: no. */
  readonly isProven?: boolean
}

/** Returns the budget and limits under which a mail is counted. */
export function countMail(ctx: Context, kind: MailKind, { email, isProven = false }: Recipient): CountedMail {
  const { per_recipient_hour: perHour, per_recipient_day: perDay } = ctx.project.policy.mail
  const { cause } = propertiesOf(kind)
  const isNotice = cause === 'notice' && isProven
  const factor = isNotice ? noticeFactor : 1
  return {
    mailKey: emailKey(ctx, email),
    budget: isNotice ? 'notice' : 'requested',
    isReset: cause === 'reset',
    perHour: perHour * factor,
    perDay: perDay * factor,
    reservedResets: isNotice ? 0 : reservedResets,
  }
}

/**
 * Counts a mail for its recipient in the transaction that queues it, before it is known whether the address has an account.
 * Counts nothing if the application sends mail itself.
 * @returns 0: it may be queued; else the whole seconds until there is room for it
 */
export async function takeMailCap(tx: Context, kind: MailKind, recipient: Recipient): Promise<number> {
  if (tx.project.policy.verification.delivery !== 'email') return 0
  const counted = countMail(tx, kind, recipient)
  return (await reserveMail(tx.store, counted)) ? 0 : suppressMail(tx, kind, counted)
}

/** Records that a mail is not queued, the same for every address. @returns whole seconds until there is room */
export async function suppressMail(tx: Context, kind: MailKind, counted: CountedMail): Promise<number> {
  const { suppressed, waitSeconds } = await noteSuppressedMail(tx.store, counted)
  tx.services.observer.mailSuppressed({ kind, projectId: tx.project.id, isFirst: suppressed === 1 })
  return waitSeconds
}
