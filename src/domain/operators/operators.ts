// Operators: accounts of the project `operators` with roles. Every function takes a context of that project.
import { randomUUID } from 'node:crypto'
import { mintSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { findUserByEmail, mayHoldRights, type UserRow } from '../../repositories/accounts/users.ts'
import { insertSetup, voidSetups } from '../../repositories/operators/keys.ts'
import * as rows from '../../repositories/operators/roles.ts'
import { mustLeaveAnOwner } from '../accounts/lifecycle.ts'
import { endRightsOf } from '../accounts/operator-end.ts'
import { recordAct } from '../audit/operator-acts.ts'
import { inTransaction, type OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { operatorsProjectId } from '../projects/operators-project.ts'
import { covers, type HeldRole, type Role } from './roles.ts'
import { createUser, findAccount } from './users.ts'

/** Lifetime of a set-up link in seconds. */
const setupSeconds = 86_400

/** An operator with their roles. */
export interface OperatorEntry {
  readonly user: UserRow
  readonly held: readonly rows.OperatorRoleRow[]
}

export interface SetupLink {
  /** The token is the fragment, which a browser does not send with the request of the page. */
  readonly url: string
  readonly lifetimeSeconds: number
}

/** Lists all operators, the oldest account first. */
export async function listOperators(ctx: OperatorContext): Promise<OperatorEntry[]> {
  const entries = new Map<number, OperatorEntry & { held: rows.OperatorRoleRow[] }>()
  for (const { user, role } of await rows.listRoles(ctx.store)) {
    const entry = entries.get(user.id) ?? { user, held: [] }
    entry.held.push(role)
    entries.set(user.id, entry)
  }
  return [...entries.values()]
}

/** Finds an operator. @param named e-mail address or UUID @throws AuthError operator_unknown, account_unknown */
export async function findOperator(ctx: OperatorContext, named: string): Promise<OperatorEntry> {
  const user = await findAccount(ctx, named)
  const held = await rows.listRolesOf(ctx.store, user.id)
  if (held.length === 0) throw new AuthError('operator_unknown')
  return { user, held }
}

/** Checks the scope of a role. @throws AuthError role_impossible if the project does not exist, or is that of the operators */
export async function checkScope({ services }: OperatorContext, scope: string | null): Promise<void> {
  if (scope === null) return
  if (scope === operatorsProjectId) throw new AuthError('role_impossible')
  await services.projects.getAny(scope).catch((error: unknown) => {
    throw error instanceof AuthError ? new AuthError('role_impossible') : error
  })
}

/**
 * Gives an account its role as an operator, and creates the account if there is none.
 * @returns the operator, and a set-up link if the account was created
 * @throws AuthError role_impossible, account_unproven; UserFactsError
 */
export async function createOperator(
  ctx: OperatorContext,
  { email, role, scope }: { readonly email: string } & HeldRole,
): Promise<OperatorEntry & { setup: SetupLink | null }> {
  await checkScope(ctx, scope)
  const known = await findUserByEmail(ctx.store, normalizeEmail(email))
  if (known && !mayHoldRights(known)) throw new AuthError('account_unproven')
  return inTransaction(ctx, async (tx) => {
    const user = known ?? (await createUser(tx, { email, password: null, verified: true }))
    await giveRole(tx, user, role, scope)
    const setup = known ? null : await mintSetupLink(tx, user.id)
    return { user, held: await rows.listRolesOf(tx.store, user.id), setup }
  })
}

/**
 * Gives an operator a role, which replaces the one for the same project. Impersonations of the operator end.
 * @throws AuthError last_owner
 */
async function giveRole(tx: OperatorContext, user: UserRow, role: Role, scope: string | null): Promise<void> {
  await rows.lockOperators(tx.store)
  if (scope === null && role !== 'owner') await mustLeaveAnOwner(tx, user.id)
  await rows.putRole(tx.store, { id: randomUUID(), userId: user.id, role, scope })
  const details = { role, ...(scope && { scope }) }
  await recordAct(tx.store, tx, operatorsProjectId, 'operator_role_changed', { account: user.uuid, details })
  await endWhatExceeds(tx, user)
}

/** Ends the impersonations of an operator, and revokes keys of theirs that have more permissions than their roles have now. */
async function endWhatExceeds(tx: OperatorContext, { id, uuid }: UserRow): Promise<void> {
  const held = await rows.listRolesOf(tx.store, id)
  await endRightsOf(tx, uuid, (key) => covers(held, key))
}

/**
 * Gives an operator a role for a project (null: for all). Their impersonations end, and keys of theirs with more permissions are
 * revoked.
 * @throws AuthError operator_unknown, account_unknown, role_impossible, last_owner
 */
export async function setOperatorRole(
  ctx: OperatorContext,
  named: string,
  { role, scope }: HeldRole,
): Promise<OperatorEntry> {
  await checkScope(ctx, scope)
  const { user } = await findOperator(ctx, named)
  await inTransaction(ctx, (tx) => giveRole(tx, user, role, scope))
  return { user, held: await rows.listRolesOf(ctx.store, user.id) }
}

/**
 * Removes the role of an operator for one project, or every role. The account stays.
 * @param scope id of the project; null: the role for all projects; undefined: every role
 * @throws AuthError operator_unknown, account_unknown, last_owner
 */
export async function removeOperatorRole(
  ctx: OperatorContext,
  named: string,
  scope?: string | null,
): Promise<OperatorEntry> {
  const { user, held } = await findOperator(ctx, named)
  const leaving = held.filter((role) => scope === undefined || role.scope === scope)
  if (leaving.length === 0) throw new AuthError('operator_unknown')
  await inTransaction(ctx, async (tx) => {
    await rows.lockOperators(tx.store)
    if (leaving.some((role) => role.scope === null)) await mustLeaveAnOwner(tx, user.id)
    for (const role of leaving) {
      await rows.deleteRole(tx.store, user.id, role.scope)
      const details = { role: role.role, ...(role.scope && { scope: role.scope }) }
      const facts = { account: user.uuid, details }
      await recordAct(tx.store, tx, operatorsProjectId, 'operator_role_removed', facts)
    }
    await endWhatExceeds(tx, user)
  })
  return { user, held: await rows.listRolesOf(ctx.store, user.id) }
}

/**
 * Creates a link with which an operator sets a new password; earlier links become void.
 * @throws AuthError operator_unknown, account_unknown
 */
export async function renewSetupLink(ctx: OperatorContext, named: string): Promise<SetupLink> {
  const { user } = await findOperator(ctx, named)
  return inTransaction(ctx, async (tx) => {
    await voidSetups(tx.store, user.id)
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_setup_linked', { account: user.uuid })
    return mintSetupLink(tx, user.id)
  })
}

/** @param userId null: the person who completes the set-up becomes the first owner */
async function mintSetupLink(tx: OperatorContext, userId: number | null): Promise<SetupLink> {
  const { plain, hash: tokenHash } = mintSecret('setup')
  await insertSetup(tx.store, { id: randomUUID(), userId, tokenHash, lifetimeSeconds: setupSeconds })
  return { url: `${tx.services.publicUrl}/operators/setup#${plain}`, lifetimeSeconds: setupSeconds }
}

/** Creates the link that creates the first owner of an installation. @returns null: the installation has operators */
export async function firstSetupLink(ctx: OperatorContext): Promise<SetupLink | null> {
  if (await rows.hasOperators(ctx.store)) return null
  return inTransaction(ctx, async (tx) => {
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_setup_linked')
    return mintSetupLink(tx, null)
  })
}
