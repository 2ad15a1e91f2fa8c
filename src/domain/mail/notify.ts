// Mails to the owner of an account, queued in the transaction of the event that they report.
import { randomUUID } from 'node:crypto'
import type { UserRow } from '../../repositories/accounts/users.ts'
import {
  type MailDetails,
  type MailKind,
  queueCountedMail,
  queueMail,
  queueMailToFormer,
} from '../../repositories/mail/mail-queue.ts'
import type { Context } from '../context.ts'
import { countMail, suppressMail, takeMailCap } from '../throttling/mail-cap.ts'

export interface Notice {
  readonly user: Pick<UserRow, 'id' | 'email' | 'emailVerifiedAt'>
  /** Default: the account's address at the time of sending. */
  readonly recipient?: string
  readonly details?: MailDetails
}

/**
 * Queues a mail to the owner of an account, unless its recipient reached the cap. Does nothing if the application sends mail
 * itself.
 */
export async function notify(tx: Context, kind: MailKind, notice: Notice): Promise<void> {
  if (tx.project.policy.verification.delivery !== 'email') return
  const { user, recipient: email = user.email } = notice
  const isProven = email === user.email && user.emailVerifiedAt !== null
  const counted = countMail(tx, kind, { email, isProven })
  if (!(await queueCountedMail(tx.store, mailOf(kind, notice), counted)))
    await suppressMail(tx, kind, counted)
}

/** As `notify`, for a mail that `takeMailCap` has counted. */
export async function queueNotice(tx: Context, kind: MailKind, notice: Notice): Promise<void> {
  if (tx.project.policy.verification.delivery === 'email') await queueMail(tx.store, mailOf(kind, notice))
}

/** Queues the mail about the deletion of an account, in the transaction that deletes it. */
export async function notifyFormer(
  tx: Context,
  user: Pick<UserRow, 'email' | 'locale' | 'emailVerifiedAt'>,
): Promise<void> {
  const isProven = user.emailVerifiedAt !== null
  if ((await takeMailCap(tx, 'account_deleted', { email: user.email, isProven })) > 0) return
  if (tx.project.policy.verification.delivery === 'email') await queueMailToFormer(tx.store, user)
}

const mailOf = (kind: MailKind, { user, ...notice }: Notice) => ({
  ...notice,
  id: randomUUID(),
  kind,
  userId: user.id,
})
