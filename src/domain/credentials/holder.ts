// The holder of an account, who may not be the owner of its mailbox: recognised by a session of the account or by its password.
import { findUser } from '../../repositories/accounts/users.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import type { Context } from '../context.ts'
import { passwordAttempt } from '../throttling/lockout.ts'
import { checkPassword } from './passwords.ts'

/**
 * Whether the request comes from the holder of an account: it is made in one of the account's sessions, or has its password,
 * which counts as an attempt to sign in.
 * @param userId the account; null: unknown, and the result is false
 * @param currentPassword null: none was given
 * @throws AuthError wrong_current_password, too_many_attempts, overloaded
 */
export async function isByHolder(
  ctx: Context,
  userId: number | null,
  currentPassword: string | null,
): Promise<boolean> {
  if (ctx.actor?.sessionId && ctx.actor.user.id === userId) return true
  const user = currentPassword === null || userId === null ? null : await findUser(ctx.store, userId)
  if (!user || currentPassword === null) return false
  const hash = await findPasswordHash(ctx.store, user.id)
  const attempt = passwordAttempt(ctx, user.email, false)
  await checkPassword(ctx, attempt, { hash, password: currentPassword }, 'wrong_current_password')
  return true
}
