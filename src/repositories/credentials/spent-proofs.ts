// Rows of `spent_proofs`: tokens of providers and challenges of passkeys that were accepted, and must not be accepted again.
import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { spentProofs } from '../../../drizzle/tables/spent-proofs.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isUndeleted, type UserRow, userColumns, userOf } from '../accounts/users.ts'
import { own, parameter, parameters } from '../conditions.ts'
import { type Database, first, hasRows, prepared, type Queries } from '../database.ts'
import type { PasskeyRow } from './passkeys.ts'

/** The hash of a proof, kept until the proof expires. */
export interface SpentProof {
  readonly markHash: Buffer
  readonly expiresAt: Date
}

/** A passkey and the account that it opens. */
export interface PasskeyAndUser {
  readonly passkey: PasskeyRow
  readonly user: UserRow
}

const mark = { markHash: spentProofs.markHash }
const insertion = (query: Queries) =>
  query
    .insert(spentProofs)
    .values({
      projectId: parameter('projectId'),
      markHash: parameter('markHash'),
      expiresAt: sql`${parameter('expiresAt')}::timestamptz`,
    })
    .onConflictDoNothing()
    .returning(mark)

const spend = prepared((query) => insertion(query).prepare('proof_spend'))

const found = { passkey: getTableColumns(passkeys), user: userColumns }
const isUsed = and(own(passkeys, parameters), eq(passkeys.credentialId, parameter('credentialId')))
const isOwner = and(userOf(passkeys), isUndeleted)

const spendAndFind = prepared((query) => {
  const spent = query.$with('spent').as(insertion(query))
  return query
    .with(spent)
    .select(found)
    .from(spent)
    .leftJoin(passkeys, isUsed)
    .leftJoin(users, isOwner)
    .prepare('proof_spend_and_find_passkey')
})

/** The same, whose commit does not wait for the disk. */
const spendAndFindFlushedLater = prepared((query) => {
  const spent = query.$with('spent').as(insertion(query))
  return query
    .with(spent)
    .select({ ...found, waits: sql`set_config('synchronous_commit', 'off', true)` })
    .from(spent)
    .leftJoin(passkeys, isUsed)
    .leftJoin(users, isOwner)
    .prepare('proof_spend_and_find_passkey_soon')
})

const parametersOfProof = ({ markHash, expiresAt }: SpentProof) => ({
  markHash,
  expiresAt: expiresAt.toISOString(),
})

/** Marks a proof as spent. @returns whether it was unspent; of concurrent calls, only one gets true */
export function spendProof(db: Database, proof: SpentProof): Promise<boolean> {
  return hasRows(spend(db, parametersOfProof(proof)))
}

/**
 * Marks the challenge that a passkey signed as spent, and finds the passkey, in one statement.
 * @param isFlushedLater true: its commit does not wait for the disk, because a later commit before the response flushes it. Must be
 *   false in a transaction, because the transaction's own commit would not wait either
 * @returns null: the challenge was spent before; `found` is null if the project has no such passkey, or the deletion of its account
 *   is due
 */
export async function spendProofAndFindPasskey(
  db: Database,
  proof: SpentProof,
  credentialId: Buffer,
  isFlushedLater: boolean,
): Promise<{ readonly found: PasskeyAndUser | null } | null> {
  const statement = isFlushedLater ? spendAndFindFlushedLater : spendAndFind
  const row = await first(statement(db, { ...parametersOfProof(proof), credentialId }))
  if (!row) return null
  const { passkey, user } = row
  return { found: passkey && user ? { passkey, user } : null }
}
