// The queued mails of a project, as operators see them and send them again.
import { isUuid } from '../../formats.ts'
import {
  listProjectMails,
  type ProjectMail,
  retryProjectMail,
} from '../../repositories/mail/project-mails.ts'
import { recordAct } from '../audit/operator-acts.ts'
import type { OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'

/** Mails that wait, or were given up, the oldest first; and how many there are in all. */
export const listMailsOf = (
  ctx: OperatorContext,
  state: 'owed' | 'dead',
  limit: number,
): Promise<{ mails: ProjectMail[]; total: number }> => listProjectMails(ctx.store, state, limit)

/** Makes a mail due now, with all its attempts. @throws AuthError mail_unknown, also for one that was sent or is being sent */
export async function retryMailOf(ctx: OperatorContext, id: string): Promise<void> {
  if (!isUuid(id) || !(await retryProjectMail(ctx.store, id))) throw new AuthError('mail_unknown')
  await recordAct(ctx.services.stores.unscoped, ctx, ctx.project.id, 'mail_retried')
}
