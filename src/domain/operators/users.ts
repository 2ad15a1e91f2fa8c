// Accounts, as operators create, disable, enable and delete them.
import { randomUUID } from 'node:crypto'
import { isMailbox, isUuid, normalizeEmail, passwordLength } from '../../formats.ts'
import { deleteUser, releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  findUserByEmail,
  insertUser,
  lockUser,
  mayHoldRights,
  type UserRow,
} from '../../repositories/accounts/users.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import * as rows from '../../repositories/operators/users.ts'
import { lockSessions } from '../../repositories/sessions/sessions.ts'
import { applyLifecycle, mustLeaveAnOwner, mustStrandNoTeam } from '../accounts/lifecycle.ts'
import { endRightsOf } from '../accounts/operator-end.ts'
import { circumstances, record } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { aboutPassword, checkNewPassword } from '../credentials/password-rules.ts'
import { hashPassword } from '../credentials/passwords.ts'
import { AuthError, ProblemsError } from '../errors.ts'
import { notifyFormer } from '../mail/notify.ts'

export interface UserFacts {
  readonly email: string
  /** Null: the account has no password until its user sets one by a reset mail. */
  readonly password: string | null
  readonly displayName?: string | null
  readonly firstName?: string | null
  readonly lastName?: string | null
  /** Default: user. */
  readonly role?: UserRow['role']
  /** Whether the operator vouches for the address; default: no. */
  readonly verified?: boolean
}

/** Thrown with all problems of an account to be created, one sentence each. The sentences repeat no password. */
export class UserFactsError extends ProblemsError {
  override name = 'UserFactsError'
}

/** Whether PostgreSQL can store the text: it has no NUL and no lone surrogates. */
const isText = (text: string) => !/[\0\p{Cs}]/u.test(text)

const isName = (text: string | null | undefined) => !text || ([...text].length <= 255 && isText(text))

function problemsOf({ email, password, displayName, firstName, lastName }: UserFacts): string[] {
  const problems: string[] = []
  const { min, max } = passwordLength
  if (!isMailbox(email)) problems.push('The address must be an e-mail address such as ada@example.com.')
  const length = password === null ? min : [...password].length
  if (length < min || length > max) problems.push(`The password must have ${min} to ${max} characters.`)
  if (password !== null && !isText(password)) problems.push('The password must be text.')
  if (![displayName, firstName, lastName].every(isName))
    problems.push('A name must be text of at most 255 characters.')
  return problems
}

/** @param named e-mail address or UUID @throws AuthError account_unknown */
export async function findAccount(ctx: Context, named: string): Promise<UserRow> {
  const user = isUuid(named)
    ? await rows.findUserByUuid(ctx.store, named)
    : await findUserByEmail(ctx.store, normalizeEmail(named))
  if (!user) throw new AuthError('account_unknown')
  return user
}

/** Checks a password against the project's policy. @throws UserFactsError */
async function checkPassword(ctx: Context, password: string, facts: UserFacts): Promise<void> {
  try {
    await checkNewPassword(ctx, password, facts)
  } catch (error) {
    const fault = error instanceof AuthError ? error.details.password : undefined
    if (!fault) throw error
    throw new UserFactsError([aboutPassword(fault)])
  }
}

/** Creates an account and sends no mail. @throws UserFactsError; AuthError email_taken, overloaded */
export async function createUser(ctx: Context, facts: UserFacts): Promise<UserRow> {
  const problems = problemsOf(facts)
  if (problems.length > 0) throw new UserFactsError(problems)
  const email = normalizeEmail(facts.email)
  if (await findUserByEmail(ctx.store, email)) throw new AuthError('email_taken')
  const { password, verified: emailVerified = false, ...given } = facts
  if (password !== null) await checkPassword(ctx, password, facts)
  const passwordHash = password === null ? null : await hashPassword(ctx, password)
  return inTransaction(ctx, async (tx) => {
    await releaseDueAddress(tx.store, email)
    const fresh = { ...given, uuid: randomUUID(), email, passwordHash, emailVerified }
    const user = await insertUser(tx.store, fresh)
    if (!user) throw new AuthError('email_taken')
    await record(tx, 'account_created', { userId: user.id })
    return user
  })
}

/** Creates an account. @returns null: the address has one already @throws UserFactsError; AuthError overloaded */
export async function ensureUser(ctx: Context, facts: UserFacts): Promise<UserRow | null> {
  try {
    return await createUser(ctx, facts)
  } catch (error) {
    if (error instanceof AuthError && error.code === 'email_taken') return null
    throw error
  }
}

/**
 * Disables an account, which ends its sessions, or enables it.
 * @param options.force also disable the last ADMIN of a team
 * @throws AuthError account_unknown, team_admin_needed
 */
export async function setUserDisabled(
  ctx: Context,
  address: string,
  disabled: boolean,
  options: { readonly force?: boolean } = {},
): Promise<UserRow> {
  const { id } = await findAccount(ctx, address)
  return inTransaction(ctx, async (tx) => {
    if (disabled) await mustLeaveAnOwner(tx, id)
    const user = await lockUser(tx.store, id)
    if (!user) throw new AuthError('account_unknown')
    if ((user.disabledAt !== null) === disabled) return user
    if (disabled && !options.force) await mustStrandNoTeam(tx, id)
    await record(tx, disabled ? 'account_disabled' : 'account_enabled', { userId: id })
    await applyLifecycle(tx, disabled ? 'disabled' : 'enabled', user)
    const changed = await rows.markUserDisabled(tx.store, id, disabled)
    if (disabled) await endRightsOf(tx, user.uuid)
    return changed
  })
}

/**
 * Changes the role of an account. Only an account with a proven address becomes an admin: another address may belong to another
 * person.
 * @param options.force also make an account with an unproven address an admin
 * @throws AuthError account_unknown, account_unproven
 */
export async function setUserRole(
  ctx: Context,
  address: string,
  role: UserRow['role'],
  options: { readonly force?: boolean } = {},
): Promise<UserRow> {
  const { id } = await findAccount(ctx, address)
  return inTransaction(ctx, async (tx) => {
    const user = await lockUser(tx.store, id)
    if (!user) throw new AuthError('account_unknown')
    if (user.role === role) return user
    return changeRole(tx, user, role, options.force)
  })
}

/** As `setUserRole`, for an account that this transaction has locked. @throws AuthError account_unproven */
export async function changeRole(
  tx: Context,
  user: UserRow,
  role: UserRow['role'],
  force = false,
): Promise<UserRow> {
  if (role === 'admin' && !force && !mayHoldRights(user)) throw new AuthError('account_unproven')
  await record(tx, 'role_changed', { userId: user.id })
  return rows.updateUserRole(tx.store, user.id, role)
}

/** Deletes an account immediately. @returns the deleted account @throws AuthError account_unknown, team_admin_needed */
export async function removeUser(ctx: Context, address: string): Promise<UserRow> {
  const user = await findAccount(ctx, address)
  const deleted = await inTransaction(ctx, async (tx) => {
    await mustLeaveAnOwner(tx, user.id)
    await lockSessions(tx.store, user.id)
    await mustStrandNoTeam(tx, user.id)
    const checkedHash = await findPasswordHash(tx.store, user.id)
    if (!(await deleteUser(tx.store, user.id, checkedHash, circumstances(tx, false)))) return false
    await notifyFormer(tx, user)
    await endRightsOf(tx, user.uuid)
    return true
  })
  if (!deleted) throw new AuthError('account_unknown')
  return user
}

/** Lists up to `limit` accounts with a larger id than `after` (null: from the first), the oldest first. */
export function listUsers(ctx: Context, after: number | null, limit: number): Promise<UserRow[]> {
  return rows.listUsers(ctx.store, after, limit)
}
