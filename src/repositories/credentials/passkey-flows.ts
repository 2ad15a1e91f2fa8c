// Rows of `passkey_flows`.
import { and, eq, gt, sql } from 'drizzle-orm'
import { passkeyFlows } from '../../../drizzle/tables/passkeys.ts'
import { now, own, parameter, parameters, parametersOf, secondsFromNow } from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'

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

const redeem = prepared((query) =>
  query
    .delete(passkeyFlows)
    .where(
      and(
        own(passkeyFlows, parameters),
        sql`(${passkeyFlows.id} = ${parameter('id')}::uuid or ${parameter('id')}::uuid is null)`,
        eq(passkeyFlows.challengeHash, parameter('challengeHash')),
        eq(passkeyFlows.bindingHash, parameter('bindingHash')),
        sql`${passkeyFlows.userId} is not distinct from ${parameter('userId')}::bigint`,
        sql`${passkeyFlows.purpose} = any(string_to_array(${parameter('purposes')}::text, ' '))`,
        gt(passkeyFlows.expiresAt, now),
      ),
    )
    .returning({ purpose: passkeyFlows.purpose })
    .prepare('passkey_flow_redeem'),
)

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
export async function redeemFlow(
  db: Database,
  flow: Pick<FlowRow, 'userId' | 'challengeHash' | 'bindingHash'> & {
    /** Null: the challenge says which, as it does where the flow was begun for one account. */
    readonly id: string | null
    readonly purposes: readonly PasskeyPurpose[]
  },
): Promise<PasskeyPurpose | null> {
  const row = await first(redeem(db, { ...flow, purposes: flow.purposes.join(' ') }))
  return row?.purpose ?? null
}
