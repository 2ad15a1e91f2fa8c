// Rows of `spent_proofs`: tokens of providers and challenges of passkeys that were accepted and are not accepted again.
import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { spentProofs } from '../../../drizzle/tables/spent-proofs.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isHere, type UserRow, userColumns, userOf } from '../accounts/users.ts'
import { own, parameter, parameters } from '../conditions.ts'
import { type Database, first, hasRows, prepared, type Queries } from '../database.ts'
import type { PasskeyRow } from './passkeys.ts'

/** A proof by its hash, remembered until it has expired. */
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

const spendAndFind = prepared((query) => {
  const spent = query.$with('spent').as(insertion(query))
  const used = and(own(passkeys, parameters), eq(passkeys.credentialId, parameter('credentialId')))
  return query
    .with(spent)
    .select({ mark: spent.markHash, passkey: getTableColumns(passkeys), user: userColumns })
    .from(spent)
    .leftJoin(passkeys, used)
    .leftJoin(users, and(userOf(passkeys), isHere))
    .prepare('proof_spend_and_find_passkey')
})

const parametersOfProof = ({ markHash, expiresAt }: SpentProof) => ({
  markHash,
  expiresAt: expiresAt.toISOString(),
})

/** Spends a proof. @returns whether it was unspent; of several at the same moment, one is told so */
export function spendProof(db: Database, proof: SpentProof): Promise<boolean> {
  return hasRows(spend(db, parametersOfProof(proof)))
}

/**
 * Spends the challenge that a passkey answers, and finds the passkey, in one statement.
 * @returns null where it is spent; `found` is null where the project has no such passkey, or its account is one whose
 *   deletion is due
 */
export async function spendProofAndFindPasskey(
  db: Database,
  proof: SpentProof,
  credentialId: Buffer,
): Promise<{ readonly found: PasskeyAndUser | null } | null> {
  const row = await first(spendAndFind(db, { ...parametersOfProof(proof), credentialId }))
  if (!row) return null
  const { passkey, user } = row
  return { found: passkey && user ? { passkey, user } : null }
}
