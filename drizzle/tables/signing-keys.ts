// signing_keys: the Ed25519 keys behind access tokens, sealed under the master secret.
//
// Legal states: next (published, signs nothing yet; at most one), current (signs; exactly one), previous (only verifies,
// until the last token it signed is gone). A key passes through them in this order.
import { sql } from 'drizzle-orm'
import { jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant } from './columns.ts'

export const signingKeys = pgTable(
  'signing_keys',
  {
    kid: text('kid').primaryKey(),
    state: text('state').$type<'next' | 'current' | 'previous'>().notNull(),
    publicJwk: jsonb('public_jwk').$type<{ kty: string; crv: string; x: string }>().notNull(),
    sealedPrivateKey: bytes('sealed_private_key').notNull(),
    createdAt: createdAt(),
    stateSince: instant('state_since').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('signing_keys_one_current').on(table.state).where(sql`${table.state} = 'current'`),
    uniqueIndex('signing_keys_one_next').on(table.state).where(sql`${table.state} = 'next'`),
  ],
)
