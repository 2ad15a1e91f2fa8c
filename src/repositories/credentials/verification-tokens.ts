// Verification tokens: inserted, redeemed once, superseded.
import { and, eq, gt, inArray, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { verificationTokens as table } from '../../../drizzle/tables/verification-tokens.ts'
import { isUndeleted } from '../accounts/users.ts'
import {
  type Given,
  now,
  ofUser,
  own,
  parameter,
  parameters,
  pick,
  type Scope,
  secondsFromNow,
} from '../conditions.ts'
import { type Database, first, hasRows, prepared } from '../database.ts'

type TokenRow = typeof table.$inferSelect
type OutboxRow = typeof outbox.$inferSelect
export type Purpose = TokenRow['purpose']

export interface NewVerificationToken
  extends Pick<TokenRow, 'id' | 'userId' | 'purpose' | 'email' | 'tokenHash' | 'codeHash'> {
  readonly lifetimeSeconds: number
  /** Whether every other open token of the same user and purpose becomes void. */
  readonly supersedes: boolean
}

/** Purposes of links that undo the change of which their mail notifies. They do not supersede each other, and have no code. */
export const undoPurposes: readonly Purpose[] = ['undo_email_change', 'disown_sign_in']

/** The account and address that a redeemed token proves, and the time of its request. */
export type Redeemed = Pick<TokenRow, 'userId' | 'email' | 'createdAt'>

/** The condition for a token that can be redeemed now. */
export const open = and(isNull(table.usedAt), isNull(table.supersededAt), gt(table.expiresAt, now))

/** Inserts a token. If its id exists already, nothing is inserted or superseded. */
export async function insertToken(
  db: Database,
  { lifetimeSeconds, supersedes, ...token }: NewVerificationToken,
): Promise<void> {
  const { projectId } = db
  const isNew = await hasRows(
    db.queries
      .insert(table)
      .values({ ...token, projectId, expiresAt: secondsFromNow(lifetimeSeconds) })
      .onConflictDoNothing({ target: table.id })
      .returning({ id: table.id }),
  )
  if (!isNew || !supersedes) return
  await supersede(db, token.userId, and(eq(table.purpose, token.purpose), ne(table.id, token.id)))
}

function supersede(db: Database, userId: number, which: SQL | undefined): Promise<boolean> {
  const where = and(ofUser(table, db, userId), which, open)
  return hasRows(db.queries.update(table).set({ supersededAt: now }).where(where).returning({ id: table.id }))
}

/** Whether a token can be redeemed now. @param email if given, the address that the token must belong to */
export function isTokenOpen(
  db: Database,
  purpose: Purpose,
  tokenHash: Buffer,
  email?: string,
): Promise<boolean> {
  const where = openToken(db, purpose, tokenHash, email)
  return hasRows(db.queries.select({ id: table.id }).from(table).where(where))
}

/** The kinds of mail with a token of a purpose. */
const mailsOf: Readonly<Record<Purpose, readonly OutboxRow['kind'][]>> = {
  verify_email: ['verify_email'],
  reset_password: ['reset_password'],
  change_email: ['change_email'],
  undo_email_change: ['email_changed'],
  disown_sign_in: ['new_device', 'account_opened'],
  social_sign_in: [],
  session_exchange: [],
  step_up: ['step_up_code'],
  second_factor: ['second_factor_code'],
}

/**
 * Voids the user's open tokens of the given purposes, and deletes queued mails with such a token, so that no earlier request takes
 * effect when its mail is sent.
 * @returns whether there was any
 */
export async function voidTokens(
  db: Database,
  userId: number,
  purposes: readonly Purpose[],
): Promise<boolean> {
  const kinds = purposes.flatMap((purpose) => mailsOf[purpose])
  const bringsToken = and(ofUser(outbox, db, userId), inArray(outbox.kind, kinds), isNull(outbox.sentAt))
  // Before the tokens, because the mail job locks the row of the mail until the token that it inserts is committed.
  const hadMail =
    kinds.length > 0 &&
    (await hasRows(db.queries.delete(outbox).where(bringsToken).returning({ id: outbox.id })))
  const voided = await supersede(db, userId, inArray(table.purpose, [...purposes]))
  return hadMail || voided
}

/**
 * Redeems a token, once, in one statement.
 * @param email if given, the address that the token must belong to
 * @param codeHash if given, the code hash that the token must have
 * @returns null: the token is unknown, used, superseded, expired, or does not match
 */
export function redeemToken(
  db: Database,
  purpose: Purpose,
  tokenHash: Buffer,
  email?: string,
  codeHash?: Buffer,
): Promise<Redeemed | null> {
  const fits = and(openToken(db, purpose, tokenHash, email), codeHash && eq(table.codeHash, codeHash))
  const redeemed = { userId: table.userId, email: table.email, createdAt: table.createdAt }
  return first(db.queries.update(table).set({ usedAt: now }).where(fits).returning(redeemed))
}

const openToken = (db: Database, purpose: Purpose, tokenHash: Buffer, email: string | undefined) =>
  and(
    own(table, db),
    eq(table.purpose, purpose),
    eq(table.tokenHash, tokenHash),
    email === undefined ? undefined : eq(table.email, email),
    open,
  )

/** Columns of a table of tokens with short codes. */
type CodeTable = PgTable & Record<'id' | 'createdAt' | 'codeAttempts', PgColumn>

/** The condition for the newest open row among those that `which` selects, if attempts are left for its code. */
export const newestOpen = (
  table: CodeTable,
  which: SQL | undefined,
  open: SQL | undefined,
  maxAttempts: number,
) =>
  sql`${table.id} = (select ${table.id} from ${table} where ${which} and ${open}
    order by ${table.createdAt} desc limit 1) and ${table.codeAttempts} < ${maxAttempts} and ${open}`

/** Whether a token that is not open any more belongs to an address that its account has now and has proven. */
export function isOfProvenAddress(db: Database, purpose: Purpose, tokenHash: Buffer): Promise<boolean> {
  const ofAccount = and(
    eq(users.projectId, table.projectId),
    eq(users.id, table.userId),
    eq(users.email, table.email),
    isNotNull(users.emailVerifiedAt),
  )
  const dead = and(eq(table.tokenHash, tokenHash), eq(table.purpose, purpose), sql`not (${open})`)
  return hasRows(
    db.queries
      .select({ id: table.id })
      .from(table)
      .innerJoin(users, ofAccount)
      .where(and(own(table, db), dead)),
  )
}

/** Inserts a token that was redeemed as a claim, as used, so that it is recognized until it expires. */
export async function insertUsedToken(
  db: Database,
  token: Pick<TokenRow, 'id' | 'userId' | 'purpose' | 'email' | 'tokenHash' | 'codeHash' | 'expiresAt'>,
): Promise<void> {
  await db.queries
    .insert(table)
    .values({ ...token, projectId: db.projectId, usedAt: now })
    .onConflictDoNothing()
}

/** The condition for open links that restore a former address. */
const undoing = (scope: Scope, email: Given<string>) =>
  and(own(table, scope), eq(table.email, email), eq(table.purpose, 'undo_email_change'), open)

/** Whether an account can still restore an address that it had before a change. True once the mail with the link is being sent. */
export function isAddressRecoverable(db: Database, email: string): Promise<boolean> {
  return hasRows(db.queries.select({ id: table.id }).from(table).where(undoing(db, email)).limit(1))
}

const takenBy = prepared((query) => {
  const email = parameter('email')
  return query
    .select({ id: users.id })
    .from(users)
    .where(and(own(users, parameters), eq(users.email, email), isUndeleted))
    .unionAll(query.select({ id: table.userId }).from(table).where(undoing(parameters, email)))
    .limit(1)
    .prepare('address_taken')
})

/** Whether an address has an account, or an account can restore it, in one statement. */
export const isAddressTaken = (db: Database, email: string): Promise<boolean> =>
  hasRows(takenBy(db, { email }))

/** Finds the account of an open token, without redeeming the token. */
export async function findTokenUser(
  db: Database,
  purpose: Purpose,
  tokenHash: Buffer,
): Promise<number | null> {
  const where = openToken(db, purpose, tokenHash, undefined)
  const row = await first(db.queries.select({ userId: table.userId }).from(table).where(where))
  return row?.userId ?? null
}

/**
 * Redeems the newest open token of an address by its short code. The same statement counts the attempt, whether or not the code is
 * correct.
 * @param userId if given, the account that the token must belong to
 * @returns null: the code is wrong, or there is no such token
 */
export async function redeemCode(
  db: Database,
  purpose: Purpose,
  email: string,
  codeHash: Buffer,
  maxAttempts: number,
  userId?: number,
): Promise<Redeemed | null> {
  const ofAccount = userId === undefined ? own(table, db) : ofUser(table, db, userId)
  const ofAddress = and(ofAccount, eq(table.email, email), eq(table.purpose, purpose))
  const usedAt = sql`case when ${eq(table.codeHash, codeHash)} then now() end`
  const row = await first(
    db.queries
      .update(table)
      .set({ codeAttempts: sql`${table.codeAttempts} + 1`, usedAt })
      .where(newestOpen(table, ofAddress, open, maxAttempts))
      .returning({ ...pick(table, 'userId', 'email', 'createdAt', 'usedAt') }),
  )
  return row?.usedAt ? { userId: row.userId, email: row.email, createdAt: row.createdAt } : null
}
