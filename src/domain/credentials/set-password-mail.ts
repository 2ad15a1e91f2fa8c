// The mail that sets a password, which the owner of an account imported without one gets after a failed sign-in.
import { randomUUID } from 'node:crypto'
import { queueMailByEmail } from '../../repositories/mail/mail-queue.ts'
import { takeCooldown } from '../../repositories/throttling/cooldowns.ts'
import { type Context, inTransaction } from '../context.ts'
import { emailKey } from '../throttling/keys.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'

/** Seconds between two such mails to one address. */
const pauseSeconds = 3600

/**
 * Queues the mail after a failed sign-in if the policy's `import.set_password_mail` is on. Sends the same statements whether the
 * address has no account, one with a password or one without, so that the refusal discloses nothing.
 */
export async function queueSetPasswordMail(ctx: Context, email: string): Promise<void> {
  const { policy } = ctx.project
  if (!policy.import.set_password_mail || policy.verification.delivery !== 'email') return
  await inTransaction(ctx, async (tx) => {
    if ((await takeCooldown(tx.store, 'set_password', emailKey(tx, email), pauseSeconds)) > 0) return
    if ((await takeMailCap(tx, 'reset_password', { email })) > 0) return
    const mail = { id: randomUUID(), email, kind: 'reset_password' } as const
    await queueMailByEmail(tx.store, mail, { withoutPassword: true })
  })
}
