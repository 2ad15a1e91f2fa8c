// Rows of `identities`.
import { and, asc, eq, getTableColumns, inArray, lte, ne, sql } from 'drizzle-orm'
import { identities } from '../../../drizzle/tables/identities.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { isUndeleted, userColumns, userOf } from '../accounts/users.ts'
import { type Given, now, ofUser, own, parameter, parameters, type Scope } from '../conditions.ts'
import { type Database, first, hasRows, one, prepared, rowCount } from '../database.ts'

export type IdentityRow = typeof identities.$inferSelect

/** An identity and its account. */
export type IdentityAndUser = Awaited<ReturnType<typeof find>>[number]

const id = { id: identities.id }
const thisIdentity = (scope: Scope, issuer: Given<string>, subject: Given<string>) =>
  and(own(identities, scope), eq(identities.issuer, issuer), eq(identities.subject, subject))

const find = prepared((query) =>
  query
    .select({ identity: getTableColumns(identities), user: userColumns })
    .from(identities)
    .innerJoin(users, userOf(identities))
    .where(and(thisIdentity(parameters, parameter('issuer'), parameter('subject')), isUndeleted))
    .prepare('identity_look'),
)

const markUsed = prepared((query) =>
  query
    .update(identities)
    .set({
      lastUsedAt: now,
      email: sql`coalesce(${parameter('email')}, ${identities.email})`,
      emailVerified: sql`case when ${parameter('email')}::text is null then ${identities.emailVerified}
        else ${parameter('emailVerified')}::boolean end`,
    })
    .where(and(own(identities, parameters), eq(identities.id, parameter('id'))))
    .prepare('identity_touch'),
)

/**
 * Finds an identity and its account, unless the deletion of the account is due.
 * @param issuer the provider's issuer identifier (OpenID Connect Core §2)
 * @param subject the user's `sub` at that issuer
 */
export function findIdentity(db: Database, issuer: string, subject: string): Promise<IdentityAndUser | null> {
  return first(find(db, { issuer, subject }))
}

/** Deletes an identity if the deletion of its account is due and the cleanup job has not deleted the account yet. */
export async function deleteDueIdentity(db: Database, issuer: string, subject: string): Promise<void> {
  const isDue = and(own(users, db), lte(users.deletionDueAt, now))
  const ofDueUser = inArray(identities.userId, db.queries.select({ id: users.id }).from(users).where(isDue))
  const identity = and(thisIdentity(db, issuer, subject), ofDueUser)
  await db.queries.delete(identities).where(identity)
}

/** Inserts an identity, used now. Fails with a conflict (`isConflict`) if it exists. */
export function insertIdentity(
  db: Database,
  identity: Omit<IdentityRow, 'projectId' | 'createdAt' | 'lastUsedAt'>,
): Promise<IdentityRow> {
  const values = { ...identity, projectId: db.projectId, lastUsedAt: now }
  return one(db.queries.insert(identities).values(values).returning())
}

/**
 * Marks an identity as used now.
 * @param named the address in the provider's profile, and whether the provider has verified it; null: the stored address stays
 */
export async function markIdentityUsed(
  db: Database,
  id: string,
  named: { readonly email: string | null; readonly emailVerified: boolean },
): Promise<void> {
  await markUsed(db, { id, ...named })
}

/** Lists the identities of a user, the oldest first. */
export async function listIdentities(db: Database, userId: number): Promise<IdentityRow[]> {
  return db.queries
    .select()
    .from(identities)
    .where(ofUser(identities, db, userId))
    .orderBy(asc(identities.createdAt), asc(identities.id))
}

/** Deletes all identities of a user except one. */
export async function deleteOtherIdentities(db: Database, userId: number, keptId: string): Promise<void> {
  await db.queries.delete(identities).where(and(ofUser(identities, db, userId), ne(identities.id, keptId)))
}

/** Deletes an identity of a user. @returns false: the user has none with this id */
export function deleteIdentity(db: Database, userId: number, identityId: string): Promise<boolean> {
  const where = and(ofUser(identities, db, userId), eq(identities.id, identityId))
  return hasRows(db.queries.delete(identities).where(where).returning(id))
}

/**
 * Deletes the identities of a user, except those whose provider has verified an address.
 * @param vouchedFor the address; null: no exception
 * @returns how many were deleted
 */
export function deleteIdentities(db: Database, userId: number, vouchedFor: string | null): Promise<number> {
  const vouches = and(
    eq(identities.emailVerified, true),
    sql`${identities.email} is not distinct from ${vouchedFor}`,
  )
  const ends = vouchedFor === null ? undefined : sql`not (${vouches})`
  return rowCount(
    db.queries
      .delete(identities)
      .where(and(ofUser(identities, db, userId), ends))
      .returning(id),
  )
}
