// Rows of `claims`: sign-ups with an unproven address, limited in number for each address, and proven once.
import { and, asc, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { claims as table } from '../../../drizzle/tables/claims.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { type Database, first, hasRows, one } from '../database.ts'
import { type EmailProof, newProfile, type UserRow, userColumns } from './users.ts'

export type ClaimRow = typeof table.$inferSelect
export type NewClaim = Omit<
  ClaimRow,
  'projectId' | 'userId' | 'serial' | 'codeAttempts' | 'createdAt' | 'expiresAt'
> & {
  readonly lifetimeSeconds: number
}

/** The part of a claim from which its token and code are derived. */
export type ClaimKey = Pick<ClaimRow, 'id' | 'serial'>

const id = { id: table.id }
const key = { id: table.id, serial: table.serial }
const thisClaim = (db: Database, { id, serial }: ClaimKey) =>
  and(own(table, db), eq(table.id, id), eq(table.serial, serial))
const open = gt(table.expiresAt, now)
const ofAddress = (db: Database, email: string) => and(own(table, db), eq(table.email, email))
const openOf = (db: Database, email: string) => and(ofAddress(db, email), open)

/** Inserts a claim and reserves the id of its account. */
export function insertClaim(db: Database, { lifetimeSeconds, ...claim }: NewClaim): Promise<ClaimRow> {
  const userId = sql`nextval(pg_get_serial_sequence('users', 'id'))`
  const expiresAt = secondsFromNow(lifetimeSeconds)
  const values = { ...claim, projectId: db.projectId, userId, expiresAt }
  return one(db.queries.insert(table).values(values).returning())
}

/**
 * Deletes claims on an address beyond `max`, first the oldest ones of the clients with the most claims, so that many claims from one
 * network do not remove the claim from another.
 */
export async function pruneClaims(db: Database, email: string, max: number): Promise<void> {
  const rank = sql<number>`row_number() over (partition by ${table.clientKey} order by ${table.createdAt} desc, ${table.id})`
  const ranked = db.queries
    .select({ id: table.id, createdAt: table.createdAt, rank: rank.as('rank') })
    .from(table)
    .where(ofAddress(db, email))
    .as('ranked')
  const surplus = db.queries
    .select({ id: ranked.id })
    .from(ranked)
    .orderBy(asc(ranked.rank), desc(ranked.createdAt))
    .offset(max)
  await db.queries.delete(table).where(inArray(table.id, surplus))
}

/** Finds the open claim on an address with a password hash. */
export function findClaimByPassword(db: Database, email: string, passwordHash: string) {
  const where = and(openOf(db, email), eq(table.passwordHash, passwordHash))
  return first(db.queries.select(key).from(table).where(where).orderBy(desc(table.createdAt)).limit(1))
}

/** Finds the newest open claim on an address, preferring those of a client. */
export function findNewestClaim(db: Database, email: string, clientKey: Buffer) {
  const ofClient = sql`${table.clientKey} = ${clientKey}`
  const newest = [desc(ofClient), desc(table.createdAt)]
  return first(
    db.queries
      .select(key)
      .from(table)
      .where(openOf(db, email))
      .orderBy(...newest)
      .limit(1),
  )
}

/** Finds the open claim of an identity on an address. */
export function findClaimByIdentity(db: Database, email: string, issuer: string, subject: string) {
  const identity = sql`${table.identity} @> ${JSON.stringify({ issuer, subject })}::jsonb`
  return first(
    db.queries
      .select()
      .from(table)
      .where(and(openOf(db, email), identity))
      .limit(1),
  )
}

/** Finds the address of the open claim with a token. */
export async function findClaimedAddress(db: Database, tokenHash: Buffer): Promise<string | null> {
  const where = and(own(table, db), eq(table.tokenHash, tokenHash), open)
  const row = await first(db.queries.select({ email: table.email }).from(table).where(where))
  return row?.email ?? null
}

/** Locks the open claims on an address until the transaction ends, in the order of their ids. */
export async function lockClaims(db: Database, email: string): Promise<ClaimRow[]> {
  return db.queries.select().from(table).where(openOf(db, email)).orderBy(asc(table.id)).for('update')
}

/** Counts a wrong code against every open claim on the address. */
export async function countWrongCode(db: Database, email: string, maxAttempts: number): Promise<void> {
  const change = { codeAttempts: sql`${table.codeAttempts} + 1` }
  await db.queries
    .update(table)
    .set(change)
    .where(and(openOf(db, email), lt(table.codeAttempts, maxAttempts)))
}

/** Restarts the lifetime of a claim whose mail is about to be sent. @returns false: the claim is gone, or has a newer mail */
export function renewClaim(db: Database, claim: ClaimKey, lifetimeSeconds: number): Promise<boolean> {
  const change = { expiresAt: secondsFromNow(lifetimeSeconds) }
  return hasRows(db.queries.update(table).set(change).where(thisClaim(db, claim)).returning(id))
}

/** Replaces the token and code of a claim. @returns false: the claim is gone, or a concurrent request replaced them first */
export function replaceClaimSecrets(
  db: Database,
  claim: ClaimKey,
  secrets: Pick<ClaimRow, 'tokenHash' | 'codeHash'> & { readonly lifetimeSeconds: number },
): Promise<boolean> {
  const { lifetimeSeconds, ...hashes } = secrets
  const change = {
    ...hashes,
    serial: claim.serial + 1,
    codeAttempts: 0,
    expiresAt: secondsFromNow(lifetimeSeconds),
  }
  return hasRows(db.queries.update(table).set(change).where(thisClaim(db, claim)).returning(id))
}

/** Deletes every claim on an address. */
export async function deleteClaims(db: Database, email: string): Promise<void> {
  await db.queries.delete(table).where(ofAddress(db, email))
}

/** Deletes the open claim with a token. @returns false: there is none */
export function deleteClaimByToken(db: Database, tokenHash: Buffer): Promise<boolean> {
  const where = and(own(table, db), eq(table.tokenHash, tokenHash), open)
  return hasRows(db.queries.delete(table).where(where).returning(id))
}

/** Inserts the account of a proven claim with its reserved id and UUID; null: the address is taken. */
export function insertClaimedUser(
  db: Database,
  claim: ClaimRow,
  emailProof: EmailProof,
): Promise<UserRow | null> {
  return first(
    db.queries
      .insert(users)
      .overridingSystemValue()
      .values({
        ...newProfile(claim),
        email: claim.email,
        passwordHash: claim.passwordHash,
        id: claim.userId,
        uuid: claim.userUuid,
        projectId: db.projectId,
        provider: claim.identity?.provider ?? null,
        emailVerifiedAt: now,
        emailProof,
      })
      .onConflictDoNothing({ target: [users.projectId, users.email] })
      .returning(userColumns),
  )
}
