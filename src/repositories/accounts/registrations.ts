// Rows of `registrations`: opened for an address, proven once, and consumed when the account is created.
import { and, eq, gt, isNotNull, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { registrations as table } from '../../../drizzle/tables/registrations.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { newestOpen } from '../credentials/verification-tokens.ts'
import { type Database, first, hasRows } from '../database.ts'

/** A registration to open; `keyHash` is the keyed hash of its address. */
export type NewRegistration = Pick<typeof table.$inferSelect, 'id' | 'keyHash' | 'tokenHash' | 'codeHash'> & {
  readonly lifetimeSeconds: number
}

const waiting = and(isNull(table.provenAt), isNull(table.supersededAt))
const alive = gt(table.expiresAt, now)
const open = and(waiting, alive)
const id = { id: table.id }
const ofAddress = (db: Database, keyHash: Buffer) => and(own(table, db), eq(table.keyHash, keyHash))
const openToken = (db: Database, tokenHash: Buffer) =>
  and(own(table, db), eq(table.tokenHash, tokenHash), open)

function exists(db: Database, where: SQL | undefined): Promise<boolean> {
  return hasRows(db.queries.select(id).from(table).where(where).limit(1))
}

function update(
  db: Database,
  where: SQL | undefined,
  change: PgUpdateSetSource<typeof table>,
): Promise<boolean> {
  return hasRows(db.queries.update(table).set(change).where(where).returning(id))
}

/** Inserts a registration, and supersedes earlier unproven ones of the address. */
export async function insertRegistration(
  db: Database,
  { lifetimeSeconds, ...row }: NewRegistration,
): Promise<void> {
  const expiresAt = secondsFromNow(lifetimeSeconds)
  await db.queries.insert(table).values({ ...row, projectId: db.projectId, expiresAt })
  const earlier = and(ofAddress(db, row.keyHash), ne(table.id, row.id), waiting)
  await db.queries.update(table).set({ supersededAt: now }).where(earlier)
}

/** Restarts the lifetime of a registration whose mail is about to be sent. @returns false: it is not open, so no mail is sent */
export function renewRegistration(db: Database, id: string, lifetimeSeconds: number): Promise<boolean> {
  const where = and(own(table, db), eq(table.id, id), waiting)
  return update(db, where, { expiresAt: secondsFromNow(lifetimeSeconds) })
}

export function isRegistrationOpen(db: Database, tokenHash: Buffer): Promise<boolean> {
  return exists(db, openToken(db, tokenHash))
}

/** Marks the address of an open token as proven for `seconds` by a client, once. @returns false: the token is not open */
export function markRegistrationProven(
  db: Database,
  tokenHash: Buffer,
  seconds: number,
  provenBy: Buffer,
): Promise<boolean> {
  const change = { provenAt: now, expiresAt: secondsFromNow(seconds), provenBy }
  return update(db, openToken(db, tokenHash), change)
}

/** As `markRegistrationProven`, by a short code. The same statement counts the attempt, whether or not the code is correct. */
export async function markRegistrationProvenByCode(
  db: Database,
  keyHash: Buffer,
  codeHash: Buffer,
  maxAttempts: number,
  { seconds, provenBy }: { readonly seconds: number; readonly provenBy: Buffer },
): Promise<boolean> {
  const fits = sql`${table.codeHash} = ${codeHash}`
  const change = {
    codeAttempts: sql`${table.codeAttempts} + 1`,
    provenAt: sql`case when ${fits} then now() end`,
    provenBy: sql`case when ${fits} then ${provenBy}::bytea end`,
    expiresAt: sql`case when ${fits} then ${secondsFromNow(seconds)} else ${table.expiresAt} end`,
  }
  const where = newestOpen(table, ofAddress(db, keyHash), open, maxAttempts)
  const { provenAt } = table
  const row = await first(db.queries.update(table).set(change).where(where).returning({ provenAt }))
  return Boolean(row?.provenAt)
}

/** A client's proof that it may create the account of an address. */
export interface RegistrationProof {
  /** Keyed hash of the address. */
  readonly keyHash: Buffer
  /** Keyed hash of the client, which may have proven the address before. */
  readonly provenBy: Buffer
  /** Hash of the token from the mail; null: none was given. */
  readonly tokenHash: Buffer | null
}

const proves = (db: Database, { keyHash, provenBy, tokenHash }: RegistrationProof) => {
  const byClient = and(isNotNull(table.provenAt), eq(table.provenBy, provenBy))
  const byToken = tokenHash && and(eq(table.tokenHash, tokenHash), isNull(table.supersededAt))
  return and(ofAddress(db, keyHash), alive, byToken ? or(byClient, byToken) : byClient)
}

export function isAddressProven(db: Database, proof: RegistrationProof): Promise<boolean> {
  return exists(db, proves(db, proof))
}

/** Deletes the proof of an address, once. @returns false: there is none */
export function consumeProof(db: Database, proof: RegistrationProof): Promise<boolean> {
  return hasRows(db.queries.delete(table).where(proves(db, proof)).returning(id))
}
