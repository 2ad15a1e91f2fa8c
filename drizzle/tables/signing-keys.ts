// The keys that sign access tokens, encrypted with a key derived from the master secret. signing_keys: Ed25519, the only algorithm of
// version 0.1, whose instances sign with every row of it and may run beside later ones. jwt_signing_keys: the other algorithms.
//
// Legal states, for each algorithm: next (published, does not sign yet; at most one), current (signs; at most one), previous
// (only verifies, until the last token it signed has expired). A key passes through them in this order.
import { sql } from 'drizzle-orm'
import { jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant } from './columns.ts'

type Algorithm = 'ES256' | 'EdDSA' | 'RS256'

const columns = {
  kid: text('kid').primaryKey(),
  state: text('state').$type<'next' | 'current' | 'previous'>().notNull(),
  publicJwk: jsonb('public_jwk').$type<Record<string, string> & { kty: string }>().notNull(),
  sealedPrivateKey: bytes('sealed_private_key').notNull(),
  createdAt: createdAt(),
  stateSince: instant('state_since').notNull().defaultNow(),
}

export const signingKeys = pgTable(
  'signing_keys',
  { ...columns, algorithm: text('algorithm').$type<Algorithm>().notNull().default('EdDSA') },
  (table) => [
    uniqueIndex('signing_keys_one_current').on(table.algorithm).where(sql`${table.state} = 'current'`),
    uniqueIndex('signing_keys_one_next').on(table.algorithm).where(sql`${table.state} = 'next'`),
  ],
)

export const jwtSigningKeys = pgTable(
  'jwt_signing_keys',
  { ...columns, algorithm: text('algorithm').$type<Algorithm>().notNull() },
  (table) => [
    uniqueIndex('jwt_signing_keys_one_current').on(table.algorithm).where(sql`${table.state} = 'current'`),
    uniqueIndex('jwt_signing_keys_one_next').on(table.algorithm).where(sql`${table.state} = 'next'`),
  ],
)
