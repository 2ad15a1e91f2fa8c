// The policy's cooldown of mails that a client asks for: one for each address and kind of request.
import { type CooldownKind, takeCooldown } from '../../repositories/throttling/cooldowns.ts'
import type { Context } from '../context.ts'
import { emailKey } from './keys.ts'

/**
 * Takes the cooldown for an address, of the policy's `verification.resend_cooldown_seconds`.
 * @param scope what else the cooldown is counted for, such as the id of a challenge; default: the address alone
 * @returns 0: it was taken; else the whole seconds until it can be taken
 */
export function takeMailCooldown(
  ctx: Context,
  kind: CooldownKind,
  email: string,
  scope?: string,
): Promise<number> {
  const { resend_cooldown_seconds } = ctx.project.policy.verification
  const key = emailKey(ctx, scope === undefined ? email : `${email} ${scope}`)
  return takeCooldown(ctx.store, kind, key, resend_cooldown_seconds)
}
