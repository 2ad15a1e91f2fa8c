// Impersonation (RFC 8693 §1.1): an operator acts as a user for some minutes, for a recorded reason. Only routes that declare it
// accept such a session; those that change credentials do not.
import { randomUUID } from 'node:crypto'
import { isUuid } from '../../formats.ts'
import { lockUser, type UserRow } from '../../repositories/accounts/users.ts'
import {
  type CurrentRole,
  currentRolesOfKey,
  currentRolesOfSession,
} from '../../repositories/operators/current-roles.ts'
import { lockOperatorsShared } from '../../repositories/operators/roles.ts'
import * as rows from '../../repositories/sessions/impersonation.ts'
import { record, recordInLog } from '../audit/audit.ts'
import { inTransaction, type OperatorContext, type Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { isOperatorsProject } from '../projects/operators-project.ts'
import { demandsVerification } from '../projects/projects.ts'
import { type Grant, toGrant } from '../sessions/grants.ts'
import type { Operator } from './operator.ts'
import { allowsAt } from './roles.ts'
import { findUserForOperator } from './user-search.ts'

/** Longest impersonation in seconds; its session cannot be refreshed. */
export const maxImpersonationSeconds = 900

export interface ImpersonationWish {
  /** Kept in the security log. */
  readonly reason: string
  readonly seconds: number
}

/**
 * Opens a session in which an operator acts as a user. It ends no later than the operator key that opens it. The user's activity
 * shows it; with the policy key `impersonation.notify` the user is also notified by mail.
 * @param operator the token has its id as `act`
 * @throws AuthError account_unknown, impersonation_impossible
 */
export function impersonate(
  ctx: OperatorContext,
  operator: Operator,
  uuid: string,
  { reason, seconds }: ImpersonationWish,
): Promise<Grant> {
  return inTransaction(ctx, async (tx) => {
    // A transaction that removes the operator's right either has committed, or waits for this one and then ends the session.
    await lockOperatorsShared(tx.store)
    const longest = await secondsAllowed(tx, operator)
    const { id } = await findUserForOperator(tx, uuid)
    const user = await lockUser(tx.store, id)
    if (!user || !mayBeImpersonated(tx, user)) throw new AuthError('impersonation_impossible')
    const session = await rows.insertImpersonation(tx.store, {
      id: randomUUID(),
      userId: user.id,
      epoch: user.epoch,
      impersonator: operator.id,
      lifetimeSeconds: Math.min(seconds, longest),
    })
    const facts = { userId: user.id, sessionId: session.id, details: { reason } }
    await record(tx, 'impersonated', facts)
    if (tx.project.policy.impersonation.notify) await notify(tx, 'impersonated', { user })
    return toGrant(tx.project, user, session, maxImpersonationSeconds)
  })
}

/** Seconds for which an operator may act as a user from now on. @throws AuthError impersonation_impossible if the right was removed */
async function secondsAllowed({ services, project }: OperatorContext, operator: Operator): Promise<number> {
  if (operator.kind === 'project_secret') return maxImpersonationSeconds
  const left = (await currentRolesOf(services.stores.unscoped, operator))
    .filter((role) => allowsAt([role], 'users.impersonate', project.id))
    .map(({ secondsLeft }) => secondsLeft ?? maxImpersonationSeconds)
  const longest = Math.min(maxImpersonationSeconds, Math.max(0, ...left))
  if (longest < 1) throw new AuthError('impersonation_impossible')
  return longest
}

const currentRolesOf = (
  db: Services['stores']['unscoped'],
  { kind, id, sessionId }: Operator,
): Promise<CurrentRole[]> =>
  kind === 'key' ? currentRolesOfKey(db, id) : currentRolesOfSession(db, sessionId ?? '')

const mayBeImpersonated = ({ project }: OperatorContext, user: UserRow): boolean =>
  !isOperatorsProject(project) &&
  !user.disabledAt &&
  !user.deletionDueAt &&
  !demandsVerification(project, user)

/** Lists the active impersonations of the project, the newest first. */
export const listImpersonations = (ctx: OperatorContext): Promise<rows.ImpersonationRow[]> =>
  rows.listImpersonations(ctx.store)

/** Ends an impersonation at once. @throws AuthError session_unknown */
export async function endImpersonation(ctx: OperatorContext, sessionId: string): Promise<void> {
  const isEnded = await inTransaction(ctx, async (tx) => {
    const ended = isUuid(sessionId) ? await rows.endImpersonation(tx.store, sessionId) : null
    if (ended) await recordInLog(tx, 'impersonation_ended', { account: ended.user, sessionId })
    return ended !== null
  })
  if (!isEnded) throw new AuthError('session_unknown')
}
