// Reads codes that an application exchanges for a session, used or not.
import { and, eq } from 'drizzle-orm'
import { verificationTokens as table } from '../../../drizzle/tables/verification-tokens.ts'
import { own, pick } from '../conditions.ts'
import { type Database, first } from '../database.ts'

/** Finds the code with a hash and code challenge; `id` is the id of its session. */
export function findExchangeCode(
  db: Database,
  tokenHash: Buffer,
  challenge: Buffer,
): Promise<Pick<typeof table.$inferSelect, 'id' | 'userId' | 'usedAt'> | null> {
  const fits = and(
    own(table, db),
    eq(table.purpose, 'session_exchange'),
    eq(table.tokenHash, tokenHash),
    eq(table.codeHash, challenge),
  )
  return first(
    db.queries
      .select(pick(table, 'id', 'userId', 'usedAt'))
      .from(table)
      .where(fits),
  )
}
