// Operator keys, with which programs use the admin API. A key has one role and an expiry.
import { randomUUID } from 'node:crypto'
import { mintOperatorKey } from '../../crypto/api-key.ts'
import { isUuid } from '../../formats.ts'
import * as rows from '../../repositories/operators/keys.ts'
import { listRolesOf, lockOperators } from '../../repositories/operators/roles.ts'
import { findUserByUuid } from '../../repositories/operators/users.ts'
import { endActsOf } from '../accounts/operator-end.ts'
import { recordAct } from '../audit/operator-acts.ts'
import { inTransaction, type OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { operatorsProjectId } from '../projects/operators-project.ts'
import { checkScope } from './operators.ts'
import { covers, type HeldRole } from './roles.ts'

/** Keys in a list at most; revoked and expired ones come last. */
const maxListed = 500

export interface OperatorKeyWish extends HeldRole {
  readonly name: string
  readonly expiresAt: Date
}

/**
 * Creates a key; `plain` is shown once.
 * @throws AuthError role_impossible (the project does not exist, or is that of the operators), expiry_not_ahead,
 *   expiry_too_far (by the admin API, more than a year ahead)
 */
export async function createOperatorKey(
  ctx: OperatorContext,
  { name, role, scope, expiresAt }: OperatorKeyWish,
): Promise<{ key: rows.OperatorKeyRow; plain: string }> {
  await checkScope(ctx, scope)
  const { plain, prefix, hash } = mintOperatorKey()
  return inTransaction(ctx, async (tx) => {
    await lockOperators(tx.store)
    const createdBy = await creatorOf(tx)
    if (createdBy !== null) await mustStillHold(tx, createdBy, { role, scope })
    const key = await rows.insertKey(tx.store, {
      id: randomUUID(),
      name,
      role,
      scope,
      expiresAt,
      keyPrefix: prefix,
      keyHash: hash,
      createdBy,
    })
    if (key.expiresAt <= key.createdAt) throw new AuthError('expiry_not_ahead')
    if (tx.operator.via === 'admin_api' && key.expiresAt > aYearAfter(key.createdAt))
      throw new AuthError('expiry_too_far')
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_key_created', { details: detailsOf(key) })
    return { key, plain }
  })
}

/**
 * The UUID of the operator who creates a key. A key that creates another one passes its own creator on, so that no key outlives
 * the role of its creator. Null: the command line.
 */
const creatorOf = async ({ store, operator: { by, keyId } }: OperatorContext): Promise<string | null> =>
  by ?? (keyId ? rows.findKeyCreator(store, keyId) : null)

/**
 * Checks that the creator of a key still has what the key will have. In a transaction that has locked the operators.
 * @throws AuthError unauthenticated if the creator's roles were removed since the request was authenticated
 */
async function mustStillHold({ store }: OperatorContext, creator: string, wish: HeldRole): Promise<void> {
  const user = await findUserByUuid(store, creator)
  const isOpen = user && !user.disabledAt && !user.deletionDueAt
  if (!isOpen || !covers(await listRolesOf(store, user.id), wish)) throw new AuthError('unauthenticated')
}

function aYearAfter(at: Date): Date {
  const later = new Date(at)
  later.setUTCFullYear(at.getUTCFullYear() + 1)
  return later
}

const detailsOf = ({ id, role, scope }: rows.OperatorKeyRow) => ({
  key_id: id,
  role,
  ...(scope && { scope }),
})

/** Lists operator keys, active ones first, then the newest. */
export const listOperatorKeys = (ctx: OperatorContext): Promise<rows.OperatorKeyRow[]> =>
  rows.listKeys(ctx.store, maxListed)

/** Revokes a key and ends its impersonations. A key that was revoked before keeps its time. @throws AuthError operator_key_unknown */
export async function revokeOperatorKey(ctx: OperatorContext, id: string): Promise<rows.OperatorKeyRow> {
  return inTransaction(ctx, async (tx) => {
    await lockOperators(tx.store)
    const key = isUuid(id) ? await rows.revokeKey(tx.store, id) : null
    if (!key) throw new AuthError('operator_key_unknown')
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_key_revoked', { details: detailsOf(key) })
    await endActsOf(tx, id)
    return key
  })
}
