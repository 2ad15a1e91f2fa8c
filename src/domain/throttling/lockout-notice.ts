// What the security log and the owner are told when failed attempts lock an account.
import { randomUUID } from 'node:crypto'
import { queueMailByEmail } from '../../repositories/mail/mail-queue.ts'
import { takeCooldown } from '../../repositories/throttling/cooldowns.ts'
import { shownCaller } from '../actor.ts'
import { recordInLog } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { emailKey } from './keys.ts'
import { takeMailCap } from './mail-cap.ts'

/** Seconds between two mails about failed attempts on one account. */
const noticeSeconds = 3600

/** The address whose password or code is tried, and the log's event for a refusal. */
export interface AttemptSubject {
  readonly email: string
  readonly event: 'sign_in_refused' | 'reauthentication_refused' | 'proof_refused' | 'second_factor_refused'
}

const methods: Readonly<Record<AttemptSubject['event'], string>> = {
  sign_in_refused: 'password',
  reauthentication_refused: 'password',
  proof_refused: 'code',
  second_factor_refused: 'second_factor',
}

/**
 * Records that a lock began, and queues a mail to the owner of a proven address, at most once in an hour. Sends the same
 * statements whether or not the address has an account.
 */
export async function reportLockout(ctx: Context, { email, event }: AttemptSubject): Promise<void> {
  const method = methods[event]
  await recordInLog(ctx, 'sign_in_locked', { email, details: { method } })
  if (ctx.project.policy.verification.delivery !== 'email') return
  await inTransaction(ctx, async (tx) => {
    if ((await takeCooldown(tx.store, 'sign_in_failures', emailKey(tx, email), noticeSeconds)) > 0) return
    if ((await takeMailCap(tx, 'sign_in_failures', { email, isProven: true })) > 0) return
    const details = shownCaller(tx.caller)
    await queueMailByEmail(tx.store, { id: randomUUID(), email, kind: 'sign_in_failures', details })
  })
}
