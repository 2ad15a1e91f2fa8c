// The queued and dead mails of a project, as operators list them and send them again.
import { isUuid } from '../../formats.ts'
import {
  type ListedMail,
  listProjectMails,
  type MailState,
  retryProjectMail,
} from '../../repositories/mail/listed-mails.ts'
import { recordAct } from '../audit/operator-acts.ts'
import type { OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'

/** Lists queued (`owed`) or dead mails, the oldest first, at most `limit`. @returns also how many there are in total */
export const listMailsOf = (
  ctx: OperatorContext,
  state: MailState,
  limit: number,
): Promise<{ mails: ListedMail[]; total: number }> => listProjectMails(ctx.store, state, limit)

/** Makes a mail due now, with all its attempts. @throws AuthError mail_unknown, also for one that was sent or is being sent */
export async function retryMailOf(ctx: OperatorContext, id: string): Promise<void> {
  if (!isUuid(id) || !(await retryProjectMail(ctx.store, id))) throw new AuthError('mail_unknown')
  await recordAct(ctx.services.stores.unscoped, ctx, ctx.project.id, 'mail_retried')
}
