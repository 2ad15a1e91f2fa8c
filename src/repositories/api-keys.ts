// Rows of `api_keys`.
import { and, asc, count, desc, eq, gt, isNull, lte, or, sql } from 'drizzle-orm'
import { apiKeys } from '../../drizzle/tables/api-keys.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import { type UserRow, userColumns } from './users.ts'

/** What the owner of a key is shown of it. */
const entry = {
  id: apiKeys.id,
  name: apiKeys.name,
  keyPrefix: apiKeys.keyPrefix,
  scopes: apiKeys.scopes,
  createdAt: apiKeys.createdAt,
  expiresAt: apiKeys.expiresAt,
  lastUsedAt: apiKeys.lastUsedAt,
  revokedAt: apiKeys.revokedAt,
}

export type ApiKeyRow = Pick<typeof apiKeys.$inferSelect, keyof typeof entry>
export type NewApiKey = Pick<
  typeof apiKeys.$inferInsert,
  'id' | 'projectId' | 'userId' | 'name' | 'keyPrefix' | 'keyHash' | 'scopes' | 'expiresAt'
>

/** A living key and its user. */
export interface ApiKeyAndUser {
  readonly key: Pick<ApiKeyRow, 'id' | 'scopes' | 'createdAt' | 'expiresAt'> & {
    readonly keyHash: Buffer
    readonly usedLately: boolean
    /** The database's clock in the same statement. */
    readonly now: Date
  }
  readonly user: UserRow
}

const usedLately = sql<boolean>`coalesce(${apiKeys.lastUsedAt} > now() - interval '1 minute', false)`
const alive = and(isNull(apiKeys.revokedAt), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)))

export function apiKeysRepository(db: Database) {
  const ofUser = (projectId: string, userId: number) =>
    and(eq(apiKeys.projectId, projectId), eq(apiKeys.userId, userId))

  const look = db.prepared((query) =>
    query
      .select({
        key: {
          id: apiKeys.id,
          scopes: apiKeys.scopes,
          createdAt: apiKeys.createdAt,
          expiresAt: apiKeys.expiresAt,
          keyHash: apiKeys.keyHash,
          usedLately,
          now: sql<Date>`now()`.mapWith(apiKeys.createdAt),
        },
        user: userColumns,
      })
      .from(apiKeys)
      .innerJoin(
        users,
        and(
          eq(users.projectId, apiKeys.projectId),
          eq(users.id, apiKeys.userId),
          isNull(users.disabledAt),
          isNull(users.deletionDueAt),
        ),
      )
      .where(
        and(
          eq(apiKeys.projectId, sql.placeholder('projectId')),
          eq(apiKeys.keyPrefix, sql.placeholder('keyPrefix')),
          alive,
        ),
      )
      .prepare('api_key_look'),
  )

  const touch = db.prepared((query) =>
    query
      .update(apiKeys)
      .set({ lastUsedAt: sql`now()` })
      .where(
        and(
          eq(apiKeys.id, sql.placeholder('id')),
          eq(apiKeys.projectId, sql.placeholder('projectId')),
          or(isNull(apiKeys.lastUsedAt), lte(apiKeys.lastUsedAt, sql`now() - interval '1 minute'`)),
        ),
      )
      .prepare('api_key_touch'),
  )

  return {
    /** The living key of a prefix and its user; the one statement of a request by key. The hash is the caller's to compare. */
    async look(projectId: string, keyPrefix: string): Promise<ApiKeyAndUser | null> {
      return first(await look({ projectId, keyPrefix }))
    },

    /** Remembers that the key was used now; of requests at once, one writes. */
    async touch(projectId: string, id: string): Promise<void> {
      await touch({ projectId, id })
    },

    async add(key: NewApiKey): Promise<ApiKeyRow> {
      const row = first(await db.of(key.projectId).insert(apiKeys).values(key).returning(entry))
      if (!row) throw new Error('A key was not added.')
      return row
    },

    /** How many living keys the user has; with the user held by `users.lock` it stays so. */
    async countLiving(projectId: string, userId: number): Promise<number> {
      const [row] = await db
        .of(projectId)
        .select({ living: count() })
        .from(apiKeys)
        .where(and(ofUser(projectId, userId), alive))
      return row?.living ?? 0
    },

    /** The user's keys, the living ones first, then the newest; at most `limit`. */
    async list(projectId: string, userId: number, limit: number): Promise<ApiKeyRow[]> {
      return db
        .of(projectId)
        .select(entry)
        .from(apiKeys)
        .where(ofUser(projectId, userId))
        .orderBy(desc(sql`${alive}`), desc(apiKeys.createdAt), asc(apiKeys.id))
        .limit(limit)
    },

    async find(projectId: string, userId: number, id: string): Promise<ApiKeyRow | null> {
      return first(
        await db
          .of(projectId)
          .select(entry)
          .from(apiKeys)
          .where(and(ofUser(projectId, userId), eq(apiKeys.id, id))),
      )
    },

    /** Ends one key for good; one that was revoked before keeps its instant. */
    async revoke(projectId: string, userId: number, id: string): Promise<void> {
      await db
        .of(projectId)
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(ofUser(projectId, userId), eq(apiKeys.id, id), isNull(apiKeys.revokedAt)))
    },

    /** Ends every key of the user that is not revoked; returns how many. */
    async revokeAll(projectId: string, userId: number): Promise<number> {
      const rows = await db
        .of(projectId)
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(ofUser(projectId, userId), isNull(apiKeys.revokedAt)))
        .returning({ id: apiKeys.id })
      return rows.length
    },
  }
}
