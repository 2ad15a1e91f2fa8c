// The cooldown of mails that any client may ask for: one for each address and kind of request.
import { type CooldownKind, takeCooldown } from '../../repositories/throttling/cooldowns.ts'
import type { Context } from '../context.ts'
import { emailKey } from '../throttling/keys.ts'

/** Takes the cooldown of the policy for an address. @returns whole seconds until it can be taken; 0: it was taken */
export function takeMailCooldown(ctx: Context, kind: CooldownKind, email: string): Promise<number> {
  const { resend_cooldown_seconds } = ctx.project.policy.verification
  return takeCooldown(ctx.store, kind, emailKey(ctx, email), resend_cooldown_seconds)
}
