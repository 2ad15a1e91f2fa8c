// Operators: accounts of the project `operators` with roles. Every verb takes a context of that project.
import { randomUUID } from 'node:crypto'
import { mintSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { findUserByEmail, mayHoldRights, type UserRow } from '../../repositories/accounts/users.ts'
import { insertSetup, voidSetups } from '../../repositories/operators/keys.ts'
import * as rows from '../../repositories/operators/roles.ts'
import { endRightsOf } from '../accounts/operator-end.ts'
import { recordAct } from '../audit/operator-acts.ts'
import { inTransaction, type OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { operatorsProjectId } from '../projects/operators-project.ts'
import { covers, type HeldRole, type Role } from './roles.ts'
import { createUser, findAccount } from './users.ts'

/** For how long a set-up link works, in seconds. */
const setupSeconds = 86_400

/** An operator with all that they may do. */
export interface OperatorEntry {
  readonly user: UserRow
  readonly held: readonly rows.OperatorRoleRow[]
}

export interface SetupLink {
  /** Its fragment is the token, which no server sees until the form is sent. */
  readonly url: string
  readonly lifetimeSeconds: number
}

/** Everybody who has a role, the oldest account first. */
export async function listOperators(ctx: OperatorContext): Promise<OperatorEntry[]> {
  const entries = new Map<number, OperatorEntry & { held: rows.OperatorRoleRow[] }>()
  for (const { user, role } of await rows.listRoles(ctx.store)) {
    const entry = entries.get(user.id) ?? { user, held: [] }
    entry.held.push(role)
    entries.set(user.id, entry)
  }
  return [...entries.values()]
}

/** One operator. @param named their address or UUID @throws AuthError operator_unknown, account_unknown */
export async function findOperator(ctx: OperatorContext, named: string): Promise<OperatorEntry> {
  const user = await findAccount(ctx, named)
  const held = await rows.listRolesOf(ctx.store, user.id)
  if (held.length === 0) throw new AuthError('operator_unknown')
  return { user, held }
}

/** @throws AuthError role_impossible for a project that does not exist, or is that of the operators */
export async function checkScope({ services }: OperatorContext, scope: string | null): Promise<void> {
  if (scope === null) return
  if (scope === operatorsProjectId) throw new AuthError('role_impossible')
  await services.projects.getAny(scope).catch((error: unknown) => {
    throw error instanceof AuthError ? new AuthError('role_impossible') : error
  })
}

/**
 * Makes an account an operator; makes the account where there is none.
 * @returns the operator, and a set-up link where the account has been made
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
 * Gives a role in the place of another one for the same project; sessions in which they act as users end.
 * @throws AuthError last_owner
 */
async function giveRole(tx: OperatorContext, user: UserRow, role: Role, scope: string | null): Promise<void> {
  await rows.lockOperators(tx.store)
  if (scope === null && role !== 'owner') await mustStayOwned(tx, user)
  await rows.putRole(tx.store, { id: randomUUID(), userId: user.id, role, scope })
  const details = { role, ...(scope && { scope }) }
  await recordAct(tx.store, tx, operatorsProjectId, 'operator_role_changed', { account: user.uuid, details })
  await endWhatExceeds(tx, user)
}

/** In a transaction that has locked the operators. @throws AuthError last_owner */
async function mustStayOwned(tx: OperatorContext, user: UserRow): Promise<void> {
  if (!(await rows.isOwner(tx.store, user.id))) return
  if (!(await rows.hasOtherOwner(tx.store, user.id))) throw new AuthError('last_owner')
}

/** Ends sessions in which an operator acts as users, and keys of theirs that may more than the roles which they have now. */
async function endWhatExceeds(tx: OperatorContext, { id, uuid }: UserRow): Promise<void> {
  const held = await rows.listRolesOf(tx.store, id)
  await endRightsOf(tx, uuid, (key) => covers(held, key))
}

/**
 * Gives an operator a role for a project (null: for all). Sessions in which they act as users end, because the right may be gone, and
 * keys that they made, where these may more.
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
 * Takes the role of an operator for one project (null: for all), or every role; the account stays.
 * @param scope undefined: every role
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
    if (leaving.some((role) => role.scope === null)) await mustStayOwned(tx, user)
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

/** A link by which an operator sets a password anew; links before it end. @throws AuthError operator_unknown, account_unknown */
export async function renewSetupLink(ctx: OperatorContext, named: string): Promise<SetupLink> {
  const { user } = await findOperator(ctx, named)
  return inTransaction(ctx, async (tx) => {
    await voidSetups(tx.store, user.id)
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_setup_linked', { account: user.uuid })
    return mintSetupLink(tx, user.id)
  })
}

/** @param userId null: whoever opens the link becomes the first owner */
async function mintSetupLink(tx: OperatorContext, userId: number | null): Promise<SetupLink> {
  const { plain, hash: tokenHash } = mintSecret('setup')
  await insertSetup(tx.store, { id: randomUUID(), userId, tokenHash, lifetimeSeconds: setupSeconds })
  return { url: `${tx.services.publicUrl}/operators/setup#${plain}`, lifetimeSeconds: setupSeconds }
}

/** The link that makes the first owner of an installation that has no operator; null where it has one. */
export async function firstSetupLink(ctx: OperatorContext): Promise<SetupLink | null> {
  if (await rows.hasOperators(ctx.store)) return null
  return inTransaction(ctx, async (tx) => {
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_setup_linked')
    return mintSetupLink(tx, null)
  })
}
