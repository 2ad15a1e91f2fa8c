// The removal of an account's factors by an operator, after a waiting time. The owner is notified, and cancels it by signing
// in with a factor.
import {
  cancelFactorsReset,
  isFactorsResetDue,
  listDueFactorsResets,
  scheduleFactorsReset,
} from '../../repositories/accounts/second-factors.ts'
import { lockUser, type UserRow } from '../../repositories/accounts/users.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction, operatorContext, type Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { applyLifecycle } from './lifecycle.ts'

const hourSeconds = 3600
/** Accounts that one run of the job handles. */
const batch = 100

/**
 * Schedules the removal of the factors of an account after the policy's `factors.reset_wait_hours`, and notifies the owner by
 * mail. An earlier schedule stays.
 * @returns when they will be removed
 * @throws AuthError account_unknown, factor_needed
 */
export function requestFactorsReset(ctx: Context, userId: number): Promise<Date> {
  const { reset_wait_hours: hours } = ctx.project.policy.factors
  return inTransaction(ctx, async (tx) => {
    const user = await lockUser(tx.store, userId)
    if (!user) throw new AuthError('account_unknown')
    if (user.secondFactors === '') throw new AuthError('factor_needed')
    const dueAt = await scheduleFactorsReset(tx.store, userId, hours * hourSeconds)
    if (!dueAt) throw new AuthError('account_unknown')
    if (user.factorsResetDueAt) return dueAt
    await record(tx, 'factors_reset_requested', { userId, showsCaller: false })
    if (hours > 0)
      await notify(tx, 'factors_reset_requested', { user, details: { dueAt: dueAt.toISOString() } })
    else await removeDue(tx, user)
    return dueAt
  })
}

/** Cancels the scheduled removal. @returns whether there was one @throws AuthError account_unknown */
export function cancelReset(ctx: Context, userId: number): Promise<boolean> {
  return inTransaction(ctx, async (tx) => {
    const user = await lockUser(tx.store, userId)
    if (!user) throw new AuthError('account_unknown')
    const isCancelled = await cancelFactorsReset(tx.store, userId)
    if (isCancelled) await record(tx, 'factors_reset_cancelled', { userId, showsCaller: false })
    return isCancelled
  })
}

/**
 * Removes the factors whose waiting time is over, in every project.
 * @param failed called for an account whose factors could not be removed; the others are removed all the same
 * @returns the number of accounts
 */
export async function removeDueFactors(
  services: Services,
  failed: (error: unknown) => void,
): Promise<number> {
  let removed = 0
  for (const { projectId, id } of await listDueFactorsResets(services.stores.unscoped, batch))
    try {
      const ctx = operatorContext(services, await services.projects.getAny(projectId))
      if (await removeIfDue(ctx, id)) removed++
    } catch (error) {
      failed(error)
    }
  return removed
}

function removeIfDue(ctx: Context, userId: number): Promise<boolean> {
  return inTransaction(ctx, async (tx) => {
    const user = await lockUser(tx.store, userId)
    // A sign-in with a factor may have cancelled it.
    if (!user || !(await isFactorsResetDue(tx.store, userId))) return false
    await removeDue(tx, user)
    return true
  })
}

async function removeDue(tx: Context, user: UserRow): Promise<void> {
  await cancelFactorsReset(tx.store, user.id)
  await applyLifecycle(tx, 'factors_reset', user)
  await record(tx, 'factors_reset', { userId: user.id, showsCaller: false })
  await notify(tx, 'factors_reset', { user })
}
