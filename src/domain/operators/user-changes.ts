// Changes of one account by an operator: profile, role, sessions, mails, verification, deletion and restoration.
import { isUuid } from '../../formats.ts'
import { restoreUser, scheduleDeletion } from '../../repositories/accounts/deletion.ts'
import {
  lockUser,
  markEmailVerified,
  type ProfileChange,
  updateProfile,
} from '../../repositories/accounts/users.ts'
import { type ApiKeyRow, listApiKeys } from '../../repositories/api-keys/api-keys.ts'
import { type AuditRow, listAuditEvents } from '../../repositories/audit/audit-events.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import { lockOperators } from '../../repositories/operators/roles.ts'
import { type AdminUserRow, findAdminUser } from '../../repositories/operators/user-search.ts'
import { listSessions, type SessionRow } from '../../repositories/sessions/lists.ts'
import { revokeOwnSession } from '../../repositories/sessions/revocation.ts'
import { type IdentityRow, listIdentities } from '../../repositories/social/identities.ts'
import { listTeamsOfUser, type TeamOfUser } from '../../repositories/teams/teams.ts'
import { type AccountExport, readAccount } from '../accounts/export.ts'
import { applyLifecycle, mustLeaveAnOwner, mustStrandNoTeam } from '../accounts/lifecycle.ts'
import { endActsOf, endRightsOf } from '../accounts/operator-end.ts'
import { mergePatch, mustFitMetadata } from '../accounts/profile.ts'
import { requestReset } from '../accounts/recovery.ts'
import { maxListedKeys, revokeKeyOf } from '../api-keys/api-keys.ts'
import { record } from '../audit/audit.ts'
import { inTransaction, type OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { isOperatorsProject } from '../projects/operators-project.ts'
import { findUserForOperator } from './user-search.ts'
import { changeRole, removeUser } from './users.ts'

export interface UserChange extends Omit<ProfileChange, 'metadata'> {
  /** A merge patch (RFC 7396). */
  readonly metadata?: Record<string, unknown>
  readonly role?: AdminUserRow['role']
}

/**
 * Changes the given fields of an account.
 * @param matches whether the account is still in the state that the operator has read
 * @throws AuthError account_unknown, changed_meanwhile, account_unproven (of a new admin), metadata_too_large
 */
export function changeUser(
  ctx: OperatorContext,
  uuid: string,
  { role, metadata: patch, ...profile }: UserChange,
  matches: (user: AdminUserRow) => boolean,
): Promise<AdminUserRow> {
  return inTransaction(ctx, async (tx) => {
    const { id } = await findUserForOperator(tx, uuid)
    await lockUser(tx.store, id)
    const before = await findUserForOperator(tx, uuid)
    if (!matches(before)) throw new AuthError('changed_meanwhile')
    const metadata = patch && mergePatch(before.metadata, patch)
    if (metadata) mustFitMetadata(metadata)
    if (metadata || Object.keys(profile).length > 0) {
      await updateProfile(tx.store, id, { ...profile, ...(metadata && { metadata }) })
      await record(tx, 'profile_updated', { userId: id })
    }
    if (role !== undefined && role !== before.role) await changeRole(tx, before, role)
    return findUserForOperator(tx, uuid)
  })
}

/** Lists the active sessions of an account, the last used first. @throws AuthError account_unknown */
export async function sessionsOf(ctx: OperatorContext, uuid: string): Promise<SessionRow[]> {
  const { id } = await findUserForOperator(ctx, uuid)
  return listSessions(ctx.store, id)
}

/** Ends one session of an account. @throws AuthError account_unknown, session_unknown */
export async function endSessionOf(ctx: OperatorContext, uuid: string, sessionId: string): Promise<void> {
  const { id: userId } = await findUserForOperator(ctx, uuid)
  const isEnded = await inTransaction(ctx, async (tx) => {
    if (!isUuid(sessionId) || !(await revokeOwnSession(tx.store, userId, sessionId))) return false
    await record(tx, 'session_revoked', { userId, sessionId })
    return true
  })
  if (!isEnded) throw new AuthError('session_unknown')
}

/** Ends all sessions of an account; if it is an operator, also their impersonations. @throws AuthError account_unknown */
export async function endSessionsOf(ctx: OperatorContext, uuid: string): Promise<void> {
  const { id: userId } = await findUserForOperator(ctx, uuid)
  await inTransaction(ctx, async (tx) => {
    if (isOperatorsProject(tx.project)) await lockOperators(tx.store)
    const user = await lockUser(tx.store, userId)
    if (!user) throw new AuthError('account_unknown')
    await applyLifecycle(tx, 'signed_out_everywhere', user)
    await record(tx, 'signed_out_everywhere', { userId })
    await endActsOf(tx, user.uuid)
  })
}

/**
 * Sends the password reset mail of an account, as if its owner had requested it.
 * @returns the token, if the caller is the back end of an application that delivers mail itself; else null
 * @throws AuthError account_unknown, redirect_not_allowed
 */
export async function sendReset(
  ctx: OperatorContext,
  uuid: string,
  redirectTo: string | null,
): Promise<string | null> {
  const { email } = await findUserForOperator(ctx, uuid)
  return requestReset(ctx, { email, redirectTo })
}

/** Marks the address of an account as proven by its holder. @throws AuthError account_unknown */
export async function verifyUser(ctx: OperatorContext, uuid: string): Promise<AdminUserRow> {
  return inTransaction(ctx, async (tx) => {
    const { id, email, emailVerifiedAt, emailProof } = await findUserForOperator(tx, uuid)
    if (emailVerifiedAt && emailProof === 'holder') return findUserForOperator(tx, uuid)
    const user = await lockUser(tx.store, id)
    if (!user || !(await markEmailVerified(tx.store, id, email, 'holder')))
      throw new AuthError('account_unknown')
    await applyLifecycle(tx, 'proven_by_holder', user)
    await record(tx, 'email_verified', { userId: id })
    return findUserForOperator(tx, uuid)
  })
}

/**
 * Deletes an account after the policy's `deletion.grace_seconds`.
 * @param now delete immediately, whatever the policy says
 * @returns the account whose deletion is pending; null: it is deleted
 * @throws AuthError account_unknown, team_admin_needed, last_owner
 */
export async function deleteUserOf(
  ctx: OperatorContext,
  uuid: string,
  { now }: { readonly now: boolean },
): Promise<AdminUserRow | null> {
  const { id } = await findUserForOperator(ctx, uuid)
  const graceSeconds = ctx.project.policy.deletion.grace_seconds
  if (now || graceSeconds === 0) {
    await removeUser(ctx, uuid)
    return null
  }
  return inTransaction(ctx, async (tx) => {
    await mustLeaveAnOwner(tx, id)
    await mustStrandNoTeam(tx, id)
    const user = await lockUser(tx.store, id)
    const hash = await findPasswordHash(tx.store, id)
    if (!user || !(await scheduleDeletion(tx.store, id, hash, graceSeconds)))
      throw new AuthError('account_unknown')
    await record(tx, 'deletion_requested', { userId: id })
    await applyLifecycle(tx, 'deletion_scheduled', user)
    await notify(tx, 'deletion_scheduled', { user, details: { graceSeconds } })
    await endRightsOf(tx, user.uuid)
    return findAdminUser(tx.store, uuid)
  })
}

/** Cancels a pending deletion, if there is one. @throws AuthError account_unknown */
export async function restoreUserOf(ctx: OperatorContext, uuid: string): Promise<AdminUserRow> {
  const { id: userId } = await findUserForOperator(ctx, uuid)
  await inTransaction(ctx, async (tx) => {
    if (await restoreUser(tx.store, userId)) await record(tx, 'account_restored', { userId })
  })
  return findUserForOperator(ctx, uuid)
}

/** @throws AuthError account_unknown */
export async function identitiesOf(ctx: OperatorContext, uuid: string): Promise<IdentityRow[]> {
  return listIdentities(ctx.store, (await findUserForOperator(ctx, uuid)).id)
}

/** @throws AuthError account_unknown */
export async function teamsOf(ctx: OperatorContext, uuid: string): Promise<TeamOfUser[]> {
  return listTeamsOfUser(ctx.store, (await findUserForOperator(ctx, uuid)).id)
}

/** @throws AuthError account_unknown */
export async function apiKeysOf(ctx: OperatorContext, uuid: string): Promise<ApiKeyRow[]> {
  return listApiKeys(ctx.store, (await findUserForOperator(ctx, uuid)).id, maxListedKeys)
}

/** Revokes a key of an account. @throws AuthError account_unknown, api_key_unknown */
export async function revokeApiKeyOf(ctx: OperatorContext, uuid: string, keyId: string): Promise<void> {
  const { id } = await findUserForOperator(ctx, uuid)
  await revokeKeyOf(ctx, id, keyId)
}

/**
 * Lists a page of an account's audit trail, the newest event first.
 * @param page.before only events with a smaller id; null: from the newest
 * @returns the events, and `before` of the next page; null: this is the last page
 * @throws AuthError account_unknown
 */
export async function activityOf(
  ctx: OperatorContext,
  uuid: string,
  page: { readonly before: number | null; readonly limit: number },
): Promise<{ readonly events: readonly AuditRow[]; readonly before: number | null }> {
  const { id } = await findUserForOperator(ctx, uuid)
  const events = await listAuditEvents(ctx.store, id, page.before, page.limit + 1)
  const shown = events.slice(0, page.limit)
  return { events: shown, before: events.length > page.limit ? (shown.at(-1)?.id ?? null) : null }
}

/** Reads all data of an account, as its owner can export it. The export is recorded. @throws AuthError account_unknown */
export async function exportUser(ctx: OperatorContext, uuid: string): Promise<AccountExport> {
  const { id } = await findUserForOperator(ctx, uuid)
  await record(ctx, 'data_exported', { userId: id })
  return readAccount(ctx, id)
}
