// Rows of `identities`, and of `spent_proofs`, which keep one proof from being two.
import { and, asc, eq, getTableColumns, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import { identities } from '../../drizzle/tables/identities.ts'
import { spentProofs } from '../../drizzle/tables/spent-proofs.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import { type UserRow, userColumns } from './users.ts'

export type IdentityRow = typeof identities.$inferSelect
export type NewIdentity = Omit<IdentityRow, 'createdAt' | 'lastUsedAt'>

/** An identity and whose account it opens. */
export interface IdentityAndUser {
  identity: IdentityRow
  user: UserRow
}

export function identitiesRepository(db: Database) {
  const ofUser = (projectId: string, userId: number) =>
    and(eq(identities.projectId, projectId), eq(identities.userId, userId))

  const look = db.prepared((query) =>
    query
      .select({ identity: getTableColumns(identities), user: userColumns })
      .from(identities)
      .innerJoin(users, and(eq(users.projectId, identities.projectId), eq(users.id, identities.userId)))
      .where(
        and(
          eq(identities.projectId, sql.placeholder('projectId')),
          eq(identities.issuer, sql.placeholder('issuer')),
          eq(identities.subject, sql.placeholder('subject')),
          or(isNull(users.deletionDueAt), gt(users.deletionDueAt, sql`now()`)),
        ),
      )
      .prepare('identity_look'),
  )

  const spend = db.prepared((query) =>
    query
      .insert(spentProofs)
      .values({
        projectId: sql.placeholder('projectId'),
        markHash: sql.placeholder('markHash'),
        expiresAt: sql`${sql.placeholder('expiresAt')}::timestamptz`,
      })
      .onConflictDoNothing()
      .returning({ markHash: spentProofs.markHash })
      .prepare('proof_spend'),
  )

  const touch = db.prepared((query) =>
    query
      .update(identities)
      .set({ lastUsedAt: sql`now()`, email: sql`coalesce(${sql.placeholder('email')}, ${identities.email})` })
      .where(
        and(eq(identities.projectId, sql.placeholder('projectId')), eq(identities.id, sql.placeholder('id'))),
      )
      .prepare('identity_touch'),
  )

  return {
    /** The identity and its account; not that of an account whose time to come back is over. */
    async look(projectId: string, issuer: string, subject: string): Promise<IdentityAndUser | null> {
      return first(await look({ projectId, issuer, subject }))
    },

    /** Removes an identity of an account that is due and that the sweeper has not reached. */
    async releaseDue(projectId: string, issuer: string, subject: string): Promise<void> {
      const due = db
        .of(projectId)
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.projectId, projectId), lte(users.deletionDueAt, sql`now()`)))
      await db
        .of(projectId)
        .delete(identities)
        .where(
          and(
            eq(identities.projectId, projectId),
            eq(identities.issuer, issuer),
            eq(identities.subject, subject),
            inArray(identities.userId, due),
          ),
        )
    },

    /** Adds an identity, used now. Where another transaction took it in the same moment the write fails: a conflict. */
    async add(identity: NewIdentity): Promise<IdentityRow> {
      const row = first(
        await db
          .of(identity.projectId)
          .insert(identities)
          .values({ ...identity, lastUsedAt: sql`now()` })
          .returning(),
      )
      if (!row) throw new Error('An identity was not added.')
      return row
    },

    /** Remembers that it was used now, and the address that the provider said; null keeps the one before. */
    async touch(projectId: string, id: string, email: string | null): Promise<void> {
      await touch({ projectId, id, email })
    },

    /** The user's identities, the oldest first. */
    async list(projectId: string, userId: number): Promise<IdentityRow[]> {
      return db
        .of(projectId)
        .select()
        .from(identities)
        .where(ofUser(projectId, userId))
        .orderBy(asc(identities.createdAt), asc(identities.id))
    },

    /** Removes one; false where the user has none of this id. */
    async remove(projectId: string, userId: number, id: string): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .delete(identities)
        .where(and(ofUser(projectId, userId), eq(identities.id, id)))
        .returning({ id: identities.id })
      return rows.length > 0
    },

    /** Removes all of the user's; returns how many. */
    async removeAll(projectId: string, userId: number): Promise<number> {
      const rows = await db
        .of(projectId)
        .delete(identities)
        .where(ofUser(projectId, userId))
        .returning({ id: identities.id })
      return rows.length
    },

    /** Spends a mark in one statement; false where it was spent before. Two at once wait for each other. */
    async spend(projectId: string, markHash: Buffer, expiresAt: Date): Promise<boolean> {
      const rows = await spend({ projectId, markHash, expiresAt: expiresAt.toISOString() })
      return rows.length > 0
    },
  }
}
