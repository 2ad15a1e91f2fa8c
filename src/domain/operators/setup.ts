// Set-up links: an operator, or the first owner of an installation, sets a password and gets a session to enrol a second factor in.
import { randomUUID } from 'node:crypto'
import { hashSecret } from '../../crypto/secrets.ts'
import { isMailbox, normalizeEmail } from '../../formats.ts'
import { findUser, insertUser, type UserRow } from '../../repositories/accounts/users.ts'
import { resetPassword } from '../../repositories/credentials/passwords.ts'
import { findSetup, redeemSetup, voidSetups } from '../../repositories/operators/keys.ts'
import * as rows from '../../repositories/operators/roles.ts'
import { applyLifecycle } from '../accounts/lifecycle.ts'
import { record, recordInLog } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { checkNewPassword, checkPasswordOwner } from '../credentials/password-rules.ts'
import { hashPassword } from '../credentials/passwords.ts'
import { authenticateBySetupLink } from '../credentials/second-factor.ts'
import { AuthError } from '../errors.ts'
import type { Grant } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'

export interface SetupWish {
  readonly token: string
  /** The address of the first owner; ignored if the link belongs to an existing operator. */
  readonly email: string | null
  readonly password: string
}

/** Reads the kind of an open link without using it. @returns null: the link does not work */
async function examineSetup(ctx: Context, token: string): Promise<'first_owner' | 'operator' | null> {
  const found = await findSetup(ctx.store, hashSecret(token))
  if (!found) return null
  if (found.userId !== null) return 'operator'
  return (await rows.hasOperators(ctx.store)) ? null : 'first_owner'
}

/**
 * Sets the operator's password by a link, once. The first link of an installation also creates the account and makes it the owner.
 * @param ctx a context of the project `operators`
 * @throws AuthError invalid_setup_link, setup_email_required, password_refused (the link still works), overloaded;
 *   second_factor_required if the account has a second factor
 */
export async function completeSetup(ctx: Context, wish: SetupWish): Promise<Grant> {
  const kind = await examineSetup(ctx, wish.token)
  if (!kind) throw new AuthError('invalid_setup_link')
  if (kind === 'first_owner' && !(wish.email && isMailbox(wish.email)))
    throw new AuthError('setup_email_required')
  await checkNewPassword(ctx, wish.password, { email: wish.email })
  const passwordHash = await hashPassword(ctx, wish.password)
  const entered = await inTransaction(ctx, async (tx) => {
    await rows.lockOperators(tx.store)
    const redeemed = await redeemSetup(tx.store, hashSecret(wish.token))
    if (!redeemed) throw new AuthError('invalid_setup_link')
    const user =
      redeemed.userId === null
        ? await makeFirstOwner(tx, normalizeEmail(wish.email ?? ''), passwordHash)
        : await setPassword(tx, redeemed.userId, wish.password, passwordHash)
    const authenticated = await authenticateBySetupLink(tx, user)
    return authenticated instanceof AuthError ? authenticated : openSession(tx, authenticated, 'signed_in')
  })
  // Thrown here, so that the use of the link is committed.
  if (entered instanceof AuthError) throw entered
  if (!entered) throw new AuthError('invalid_setup_link')
  return entered
}

async function makeFirstOwner(tx: Context, email: string, passwordHash: string): Promise<UserRow> {
  if (await rows.hasOperators(tx.store)) throw new AuthError('invalid_setup_link')
  const user = await insertUser(tx.store, { uuid: randomUUID(), email, passwordHash, emailVerified: true })
  if (!user) throw new AuthError('invalid_setup_link')
  await rows.putRole(tx.store, { id: randomUUID(), userId: user.id, role: 'owner', scope: null })
  await record(tx, 'account_created', { userId: user.id })
  await recordInLog(tx, 'operator_role_changed', { account: user.uuid, details: { role: 'owner' } })
  return user
}

async function setPassword(
  tx: Context,
  userId: number,
  password: string,
  passwordHash: string,
): Promise<UserRow> {
  const before = await findUser(tx.store, userId)
  if (!before || before.disabledAt) throw new AuthError('invalid_setup_link')
  checkPasswordOwner(tx.project, password, before)
  const changed = await resetPassword(tx.store, userId, before.email, passwordHash)
  if (!changed) throw new AuthError('invalid_setup_link')
  await voidSetups(tx.store, userId)
  await applyLifecycle(tx, 'password_reset', changed)
  await record(tx, 'password_reset', { userId })
  const after = await findUser(tx.store, userId)
  if (!after) throw new AuthError('invalid_setup_link')
  return after
}
