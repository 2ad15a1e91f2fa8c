// Rows of `users`. Every query is led by the project.
import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { knownAddresses } from '../../drizzle/tables/known-addresses.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first, once } from './database.ts'

const { passwordHash, ...publicColumns } = getTableColumns(users)

/** What a user is to everything but the password: the hash is read where it is checked and nowhere else. */
export const userColumns = publicColumns
export type UserRow = Omit<typeof users.$inferSelect, 'passwordHash'>
export type UserWithPassword = UserRow & { passwordHash: string | null }
export type NewUser = Pick<
  typeof users.$inferInsert,
  'uuid' | 'projectId' | 'email' | 'passwordHash' | 'displayName' | 'firstName' | 'lastName' | 'metadata'
>

const nextId = sql<number>`nextval(pg_get_serial_sequence('users', 'id'))`.mapWith(Number)

export function usersRepository(db: Database) {
  const forSignIn = once(() =>
    db
      .select({
        ...userColumns,
        passwordHash,
        addressKnown: sql<boolean>`exists (select 1 from ${knownAddresses}
          where ${knownAddresses.projectId} = ${users.projectId} and ${knownAddresses.userId} = ${users.id}
            and ${knownAddresses.keyHash} = ${sql.placeholder('addressKey')})`,
      })
      .from(users)
      .where(
        and(eq(users.projectId, sql.placeholder('projectId')), eq(users.email, sql.placeholder('email'))),
      )
      .prepare('user_for_sign_in'),
  )

  const byEmail = once(() =>
    db
      .select(userColumns)
      .from(users)
      .where(
        and(eq(users.projectId, sql.placeholder('projectId')), eq(users.email, sql.placeholder('email'))),
      )
      .prepare('user_by_email'),
  )

  const insert = once(() =>
    db
      .insert(users)
      .values({
        id: sql`coalesce(${sql.placeholder('id')}::bigint, ${nextId})`,
        uuid: sql.placeholder('uuid'),
        projectId: sql.placeholder('projectId'),
        email: sql.placeholder('email'),
        passwordHash: sql.placeholder('passwordHash'),
        displayName: sql.placeholder('displayName'),
        firstName: sql.placeholder('firstName'),
        lastName: sql.placeholder('lastName'),
        metadata: sql`${sql.placeholder('metadata')}::jsonb`,
      })
      .onConflictDoNothing({ target: [users.projectId, users.email] })
      .returning(userColumns)
      .prepare('user_insert'),
  )

  return {
    /**
     * Takes the next id, for a caller that must show one whether or not the account can be added; with it the instant
     * and the metadata as an added row would show them (the database orders keys in its own way).
     */
    async takeId(metadata: unknown): Promise<Pick<UserRow, 'id' | 'createdAt' | 'metadata'>> {
      const [row] = await db
        .select({
          id: nextId,
          createdAt: sql<Date>`now()`.mapWith(users.createdAt),
          metadata: sql<UserRow['metadata']>`${JSON.stringify(metadata)}::jsonb`.mapWith(users.metadata),
        })
        .from(sql`(select 1) as one`)
      if (!row) throw new Error('The sequence gave no id.')
      return row
    },

    /** Adds an account, under `id` where one was taken before; null where the address is taken in this project. */
    async add(user: NewUser, id: number | null = null): Promise<UserRow | null> {
      return first(await insert().execute({ ...user, id, metadata: JSON.stringify(user.metadata ?? {}) }))
    },

    async findByEmail(projectId: string, email: string): Promise<UserRow | null> {
      return first(await byEmail().execute({ projectId, email }))
    },

    /** The account with its password hash, and whether it has signed in from this address before. */
    async findForSignIn(
      projectId: string,
      email: string,
      addressKey: Buffer,
    ): Promise<(UserWithPassword & { addressKnown: boolean }) | null> {
      return first(await forSignIn().execute({ projectId, email, addressKey }))
    },

    async findPasswordHash(projectId: string, id: number): Promise<string | null> {
      const row = first(
        await db
          .select({ passwordHash })
          .from(users)
          .where(and(eq(users.projectId, projectId), eq(users.id, id))),
      )
      return row?.passwordHash ?? null
    },

    async find(projectId: string, id: number): Promise<UserRow | null> {
      return first(
        await db
          .select(userColumns)
          .from(users)
          .where(and(eq(users.projectId, projectId), eq(users.id, id))),
      )
    },

    /**
     * Replaces the password if it still is the one that was checked, and ends every session by a new epoch.
     * Returns the new epoch, or null when somebody else was faster.
     */
    async changePassword(projectId: string, id: number, from: string, to: string): Promise<number | null> {
      const row = first(
        await db
          .update(users)
          .set({ passwordHash: to, epoch: sql`${users.epoch} + 1`, updatedAt: sql`now()` })
          .where(and(eq(users.projectId, projectId), eq(users.id, id), eq(users.passwordHash, from)))
          .returning({ epoch: users.epoch }),
      )
      return row?.epoch ?? null
    },

    /** The same password under newer parameters: compare and set, and no session ends. */
    async rehashPassword(projectId: string, id: number, from: string, to: string): Promise<void> {
      await db
        .update(users)
        .set({ passwordHash: to })
        .where(and(eq(users.projectId, projectId), eq(users.id, id), eq(users.passwordHash, from)))
    },

    /** Ends every session of the user at once. */
    async advanceEpoch(projectId: string, id: number): Promise<void> {
      await db
        .update(users)
        .set({ epoch: sql`${users.epoch} + 1` })
        .where(and(eq(users.projectId, projectId), eq(users.id, id)))
    },

    /** Marks the address as proven if it still is the account's; null otherwise. A second proof keeps the first instant. */
    async markEmailVerified(projectId: string, id: number, email: string): Promise<UserRow | null> {
      return first(
        await db
          .update(users)
          .set({
            emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, now())`,
            updatedAt: sql`now()`,
          })
          .where(
            and(
              eq(users.projectId, projectId),
              eq(users.id, id),
              eq(users.email, email),
              isNull(users.disabledAt),
            ),
          )
          .returning(userColumns),
      )
    },
  }
}
