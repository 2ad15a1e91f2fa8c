// Rows of `api_keys`.
import { and, asc, desc, eq, gt, isNull, lte, or, sql } from 'drizzle-orm'
import { apiKeys } from '../../../drizzle/tables/api-keys.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userColumns, userOf } from '../accounts/users.ts'
import { now, ofUser, own, parameter, parameters, pick } from '../conditions.ts'
import { type Database, first, one, prepared, rowCount } from '../database.ts'

/** The columns that the owner of a key sees. */
export const shownColumns = {
  ...pick(apiKeys, 'id', 'name', 'keyPrefix', 'scopes'),
  ...pick(apiKeys, 'createdAt', 'expiresAt', 'lastUsedAt', 'revokedAt'),
}

export type ApiKeyRow = Pick<typeof apiKeys.$inferSelect, keyof typeof shownColumns>

/** Whether a key was used within the last minute. */
const usedLately = sql<boolean>`coalesce(${apiKeys.lastUsedAt} > now() - interval '1 minute', false)`
const isUnrevoked = isNull(apiKeys.revokedAt)
const isActive = and(isUnrevoked, or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)))
const thisKey = (db: Database, userId: number, id: string) =>
  and(ofUser(apiKeys, db, userId), eq(apiKeys.id, id))

const findByPrefix = prepared((query) =>
  query
    .select({
      key: { ...pick(apiKeys, 'id', 'scopes', 'createdAt', 'expiresAt', 'keyHash'), usedLately, now },
      user: userColumns,
    })
    .from(apiKeys)
    .innerJoin(users, and(userOf(apiKeys), isNull(users.disabledAt), isNull(users.deletionDueAt)))
    .where(and(own(apiKeys, parameters), eq(apiKeys.keyPrefix, parameter('keyPrefix')), isActive))
    .prepare('api_key_look'),
)

const markUsed = prepared((query) =>
  query
    .update(apiKeys)
    .set({ lastUsedAt: now })
    .where(
      and(
        eq(apiKeys.id, parameter('id')),
        own(apiKeys, parameters),
        or(isNull(apiKeys.lastUsedAt), lte(apiKeys.lastUsedAt, sql`now() - interval '1 minute'`)),
      ),
    )
    .prepare('api_key_touch'),
)

/**
 * Finds the active key with a prefix, and its user: the one statement of a request by key. The caller compares the hash.
 * @param keyPrefix the public part of the key
 */
export function findActiveApiKey(db: Database, keyPrefix: string) {
  return first(findByPrefix(db, { keyPrefix }))
}

/** Marks a key as used now, at most once a minute. */
export async function markApiKeyUsed(db: Database, id: string): Promise<void> {
  await markUsed(db, { id })
}

export function insertApiKey(
  db: Database,
  key: Omit<typeof apiKeys.$inferInsert, 'projectId' | 'createdAt' | 'lastUsedAt' | 'revokedAt'>,
): Promise<ApiKeyRow> {
  const values = { ...key, projectId: db.projectId }
  return one(db.queries.insert(apiKeys).values(values).returning(shownColumns))
}

/** Counts the active keys of a user. The number is stable in a transaction that has locked the user by `lockUser`. */
export async function countActiveApiKeys(db: Database, userId: number): Promise<number> {
  return db.queries.$count(apiKeys, and(ofUser(apiKeys, db, userId), isActive))
}

/** Lists the keys of a user, active ones first, then the newest; at most `limit`. */
export async function listApiKeys(db: Database, userId: number, limit: number): Promise<ApiKeyRow[]> {
  return db.queries
    .select(shownColumns)
    .from(apiKeys)
    .where(ofUser(apiKeys, db, userId))
    .orderBy(desc(sql`${isActive}`), desc(apiKeys.createdAt), asc(apiKeys.id))
    .limit(limit)
}

export function findApiKey(db: Database, userId: number, id: string): Promise<ApiKeyRow | null> {
  return first(
    db.queries
      .select(shownColumns)
      .from(apiKeys)
      .where(thisKey(db, userId, id)),
  )
}

/** Revokes a key; one that was revoked before keeps its time. */
export async function markApiKeyRevoked(db: Database, userId: number, id: string): Promise<void> {
  const where = and(thisKey(db, userId, id), isUnrevoked)
  await db.queries.update(apiKeys).set({ revokedAt: now }).where(where)
}

/** Revokes all keys of a user that are not revoked. @returns how many */
export function revokeAllApiKeys(db: Database, userId: number): Promise<number> {
  const where = and(ofUser(apiKeys, db, userId), isUnrevoked)
  const id = { id: apiKeys.id }
  return rowCount(db.queries.update(apiKeys).set({ revokedAt: now }).where(where).returning(id))
}
