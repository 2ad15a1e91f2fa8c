// Codes that an application exchanges for a session, looked at whatever their state.
import { and, eq } from 'drizzle-orm'
import { verificationTokens as table } from '../../../drizzle/tables/verification-tokens.ts'
import { own, pick } from '../conditions.ts'
import { type Database, first } from '../database.ts'

/** The code with this hash and this code challenge; `id` is that of its session. Null: there is none. */
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
