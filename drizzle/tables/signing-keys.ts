// signing_keys: the keys that sign access tokens, encrypted with a key derived from the master secret.
//
// Legal states, for each algorithm: next (published, does not sign yet; at most one), current (signs; at most one), previous
// (only verifies, until the last token it signed has expired). A key passes through them in this order.
import { sql } from 'drizzle-orm'
import { jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant } from './columns.ts'

export const signingKeys = pgTable(
  'signing_keys',
  {
    kid: text('kid').primaryKey(),
    algorithm: text('algorithm').$type<'ES256' | 'EdDSA' | 'RS256'>().notNull().default('EdDSA'),
    state: text('state').$type<'next' | 'current' | 'previous'>().notNull(),
    publicJwk: jsonb('public_jwk').$type<Record<string, string> & { kty: string }>().notNull(),
    sealedPrivateKey: bytes('sealed_private_key').notNull(),
    createdAt: createdAt(),
    stateSince: instant('state_since').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('signing_keys_one_current').on(table.algorithm).where(sql`${table.state} = 'current'`),
    uniqueIndex('signing_keys_one_next').on(table.algorithm).where(sql`${table.state} = 'next'`),
  ],
)
