// Verification tokens of mails, which the mail job inserts for all projects.
import { and, eq, inArray, isNull, notInArray, sql } from 'drizzle-orm'
import { outbox } from '../../../drizzle/tables/outbox.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { verificationTokens as table } from '../../../drizzle/tables/verification-tokens.ts'
import { now, secondsFromNow } from '../conditions.ts'
import type { Queries, UnscopedDatabase } from '../database.ts'
import { type NewVerificationToken, open, undoPurposes } from './verification-tokens.ts'

/** The token of a mail; its id is that of the mail. */
export interface NewMailedToken extends Omit<NewVerificationToken, 'supersedes'> {
  readonly projectId: string
  /** The time at which the mail was queued. */
  readonly createdAt: Date
}

/**
 * Inserts the tokens of mails that are about to be sent; a token is as old as its mail. Of several tokens for one user and purpose
 * the newest supersedes the others, in whatever order they are sent, except for purposes of `undoPurposes`. A mail that is sent
 * again renews its token.
 *
 * Skips tokens that are being redeemed at this moment, because the redeeming transaction may wait for the row of the mail. Locks
 * accounts before mails, in the same order as the deletion of an account.
 * @returns the ids of mails with a valid token; the others were deleted, or their token was used or superseded
 */
export async function insertMailedTokens(
  { queries }: UnscopedDatabase,
  tokens: readonly NewMailedToken[],
): Promise<Set<string>> {
  const isOwner = inArray(users.id, usersOf(tokens))
  await queries.select({ id: users.id }).from(users).where(isOwner).for('key share')
  const mailIds = tokens.map(({ id }) => id)
  const isQueued = and(inArray(outbox.id, mailIds), isNull(outbox.sentAt), isNull(outbox.deadAt))
  const queued = idsOf(await queries.select({ id: outbox.id }).from(outbox).where(isQueued).for('key share'))
  const wanted = tokens.filter(({ id }) => queued.has(id))
  if (wanted.length === 0) return new Set()
  await insertOrRenew(queries, wanted)
  await supersedeOlder(queries, usersOf(wanted))
  const works = and(inArray(table.id, [...queued]), open)
  return idsOf(await queries.select({ id: table.id }).from(table).where(works))
}

const idsOf = (rows: readonly { id: string }[]) => new Set(rows.map(({ id }) => id))
const usersOf = (tokens: readonly NewMailedToken[]) => [...new Set(tokens.map(({ userId }) => userId))]

async function insertOrRenew(queries: Queries, tokens: readonly NewMailedToken[]): Promise<void> {
  const rows = tokens.map(({ lifetimeSeconds, ...token }) => ({
    ...token,
    expiresAt: secondsFromNow(lifetimeSeconds),
  }))
  const id = { id: table.id }
  const inserted = idsOf(
    await queries.insert(table).values(rows).onConflictDoNothing({ target: table.id }).returning(id),
  )
  for (const { id: tokenId, tokenHash, codeHash, expiresAt } of rows) {
    if (inserted.has(tokenId)) continue
    const renewable = and(eq(table.id, tokenId), isNull(table.usedAt), isNull(table.supersededAt))
    const unlocked = queries.select(id).from(table).where(renewable).for('update', { skipLocked: true })
    await queries.update(table).set({ tokenHash, codeHash, expiresAt }).where(inArray(table.id, unlocked))
  }
}

async function supersedeOlder(queries: Queries, userIds: readonly number[]): Promise<void> {
  const hasNewer = sql`exists (select from ${table} newer where newer.project_id = ${table.projectId}
    and newer.user_id = ${table.userId} and newer.purpose = ${table.purpose}
    and (newer.created_at, newer.id) > (${table.createdAt}, ${table.id}))`
  const replaced = queries
    .select({ id: table.id })
    .from(table)
    .where(and(inArray(table.userId, userIds), notInArray(table.purpose, [...undoPurposes]), open, hasNewer))
    .for('update', { of: table, skipLocked: true })
  await queries.update(table).set({ supersededAt: now }).where(inArray(table.id, replaced))
}
