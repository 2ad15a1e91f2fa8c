// Rows of `passkey_flows`.
import { and, eq, getTableColumns, gt, sql } from 'drizzle-orm'
import { passkeyFlows, passkeys } from '../../../drizzle/tables/passkeys.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isHere, type UserRow, userColumns, userOf } from '../accounts/users.ts'
import { now, own, parameter, parameters, parametersOf, secondsFromNow } from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'
import type { PasskeyRow } from './passkeys.ts'

export type FlowRow = typeof passkeyFlows.$inferSelect
export type PasskeyPurpose = FlowRow['purpose']

const insert = prepared((query) =>
  query
    .insert(passkeyFlows)
    .values({
      ...parametersOf('id', 'projectId', 'userId', 'purpose', 'challengeHash', 'bindingHash'),
      expiresAt: secondsFromNow(parameter('lifetimeSeconds')),
    })
    .prepare('passkey_flow_begin'),
)

/** The flow that waits for this answer: of this project, account, client and purpose, with this challenge. */
const awaited = and(
  own(passkeyFlows, parameters),
  sql`(${passkeyFlows.id} = ${parameter('id')}::uuid or ${parameter('id')}::uuid is null)`,
  eq(passkeyFlows.challengeHash, parameter('challengeHash')),
  eq(passkeyFlows.bindingHash, parameter('bindingHash')),
  sql`${passkeyFlows.userId} is not distinct from ${parameter('userId')}::bigint`,
  sql`${passkeyFlows.purpose} = any(string_to_array(${parameter('purposes')}::text, ' '))`,
  gt(passkeyFlows.expiresAt, now),
)
const purpose = { purpose: passkeyFlows.purpose }

const redeem = prepared((query) =>
  query.delete(passkeyFlows).where(awaited).returning(purpose).prepare('passkey_flow_redeem'),
)

const redeemAndFind = prepared((query) => {
  const redeemed = query.$with('redeemed').as(query.delete(passkeyFlows).where(awaited).returning(purpose))
  const used = and(own(passkeys, parameters), eq(passkeys.credentialId, parameter('credentialId')))
  return query
    .with(redeemed)
    .select({ purpose: redeemed.purpose, passkey: getTableColumns(passkeys), user: userColumns })
    .from(redeemed)
    .leftJoin(passkeys, used)
    .leftJoin(users, and(userOf(passkeys), isHere))
    .prepare('passkey_flow_redeem_and_find')
})

/** A flow that is to be redeemed, as its answer names it. */
export type AnsweredFlow = Pick<FlowRow, 'userId' | 'challengeHash' | 'bindingHash'> & {
  /** Null: the challenge says which, as it does where the flow was begun for one account. */
  readonly id: string | null
  readonly purposes: readonly PasskeyPurpose[]
}

/** A passkey and the account that it opens. */
export interface PasskeyAndUser {
  readonly passkey: PasskeyRow
  readonly user: UserRow
}

export async function insertFlow(
  db: Database,
  flow: Omit<FlowRow, 'projectId' | 'createdAt' | 'expiresAt'> & { readonly lifetimeSeconds: number },
): Promise<void> {
  await insert(db, flow)
}

/**
 * Redeems a flow, once, in one statement.
 * @returns its purpose; null where it is unknown, redeemed, expired, of another project, account or client, for another
 *   purpose, or has another challenge
 */
export async function redeemFlow(db: Database, flow: AnsweredFlow): Promise<PasskeyPurpose | null> {
  const row = await first(redeem(db, { ...flow, purposes: flow.purposes.join(' ') }))
  return row?.purpose ?? null
}

/**
 * Redeems a flow as `redeemFlow` does, and finds the passkey that answers it, in one statement.
 * @returns null where there is no such flow; `found` is null where the project has no such passkey, or its account is one
 *   whose deletion is due
 */
export async function redeemFlowAndFind(
  db: Database,
  flow: AnsweredFlow,
  credentialId: Buffer,
): Promise<{ readonly found: PasskeyAndUser | null } | null> {
  const row = await first(redeemAndFind(db, { ...flow, purposes: flow.purposes.join(' '), credentialId }))
  if (!row) return null
  const { passkey, user } = row
  return { found: passkey && user ? { passkey, user } : null }
}
