// Operator keys: what programs administer the installation with. A key has one role, and an end.
import { randomUUID } from 'node:crypto'
import { mintOperatorKey } from '../../crypto/api-key.ts'
import { isUuid } from '../../formats.ts'
import * as rows from '../../repositories/operators/keys.ts'
import { endImpersonationsBy } from '../../repositories/sessions/impersonation.ts'
import { recordAct } from '../audit/operator-acts.ts'
import { inTransaction, type OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { operatorsProjectId } from '../projects/operators-project.ts'
import type { HeldRole } from './roles.ts'

/** Most keys in a list; ended ones are the last. */
const maxListed = 500

export interface OperatorKeyWish extends HeldRole {
  readonly name: string
  readonly expiresAt: Date
}

/**
 * Creates a key; `plain` is shown once.
 * @throws AuthError role_impossible (a project that does not exist, or is that of the operators), expiry_not_ahead
 */
export async function createOperatorKey(
  ctx: OperatorContext,
  { name, role, scope, expiresAt }: OperatorKeyWish,
): Promise<{ key: rows.OperatorKeyRow; plain: string }> {
  if (scope === operatorsProjectId) throw new AuthError('role_impossible')
  if (scope !== null) await mustExist(ctx, scope)
  const { plain, prefix, hash } = mintOperatorKey()
  return inTransaction(ctx, async (tx) => {
    const key = await rows.insertKey(tx.store, {
      ...{ id: randomUUID(), name, role, scope, expiresAt },
      ...{ keyPrefix: prefix, keyHash: hash, createdBy: tx.operator.by ?? null },
    })
    if (key.expiresAt <= key.createdAt) throw new AuthError('expiry_not_ahead')
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_key_created', { details: detailsOf(key) })
    return { key, plain }
  })
}

async function mustExist({ services }: OperatorContext, scope: string): Promise<void> {
  await services.projects.getAny(scope).catch((error: unknown) => {
    throw error instanceof AuthError ? new AuthError('role_impossible') : error
  })
}

const detailsOf = ({ id, role, scope }: rows.OperatorKeyRow) => ({
  key_id: id,
  role,
  ...(scope && { scope }),
})

/** Active keys first, then the newest. */
export const listOperatorKeys = (ctx: OperatorContext): Promise<rows.OperatorKeyRow[]> =>
  rows.listKeys(ctx.store, maxListed)

/** Revokes a key; one that is revoked already stays as it is. @throws AuthError operator_key_unknown */
export async function revokeOperatorKey(ctx: OperatorContext, id: string): Promise<rows.OperatorKeyRow> {
  const revoked = await inTransaction(ctx, async (tx) => {
    const key = isUuid(id) ? await rows.revokeKey(tx.store, id) : null
    if (!key) throw new AuthError('operator_key_unknown')
    await recordAct(tx.store, tx, operatorsProjectId, 'operator_key_revoked', { details: detailsOf(key) })
    return key
  })
  await endImpersonationsBy(ctx.services.stores.unscoped, id)
  return revoked
}
