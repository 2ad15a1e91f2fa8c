// Rows of `users`, but for passwords and leaving. Every query is led by the project.
import { and, eq, getTableColumns, gt, isNull, notExists, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'

const { passwordHash, ...publicColumns } = getTableColumns(users)

/** What a user is to everything but the password: the hash is read where it is checked and nowhere else. */
export const userColumns = publicColumns
export type UserRow = Omit<typeof users.$inferSelect, 'passwordHash'>
export type UserWithPassword = UserRow & { passwordHash: string | null }
export type NewUser = Pick<
  typeof users.$inferInsert,
  | 'uuid'
  | 'projectId'
  | 'email'
  | 'passwordHash'
  | 'displayName'
  | 'firstName'
  | 'lastName'
  | 'metadata'
  | 'locale'
> & {
  /** Default: user. */
  readonly role?: UserRow['role']
  /** Whether somebody has proven the address already; default: no. */
  readonly emailVerified?: boolean
}

/** What an account's owner may change about it; what is absent stays. */
export type ProfileChange = Partial<
  Pick<UserRow, 'displayName' | 'firstName' | 'lastName' | 'metadata' | 'locale'>
>

/** The same table under another name, for a look at other accounts in the same statement. */
const other = alias(users, 'other')

const nextId = sql<number>`nextval(pg_get_serial_sequence('users', 'id'))`.mapWith(Number)

/** Not one whose owner left and whose time to come back is over, though its row may still be there. */
export const isHere = or(isNull(users.deletionDueAt), gt(users.deletionDueAt, sql`now()`))

/** The account of this project with this id. */
export const thisUser = (projectId: string, id: number) =>
  and(eq(users.projectId, projectId), eq(users.id, id))

export function usersRepository(db: Database) {
  const byEmail = db.prepared((query) =>
    query
      .select(userColumns)
      .from(users)
      .where(
        and(
          eq(users.projectId, sql.placeholder('projectId')),
          eq(users.email, sql.placeholder('email')),
          isHere,
        ),
      )
      .prepare('user_by_email'),
  )

  const insert = db.prepared((query) =>
    query
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
        locale: sql.placeholder('locale'),
        role: sql.placeholder('role'),
        emailVerifiedAt: sql`case when ${sql.placeholder('emailVerified')}::boolean then now() end`,
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
    async takeId(
      projectId: string,
      metadata: unknown,
    ): Promise<Pick<UserRow, 'id' | 'createdAt' | 'metadata'>> {
      const [row] = await db
        .of(projectId)
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
      const { metadata = {}, locale = null, role = 'user', emailVerified = false } = user
      const row = { ...user, id, locale, role, emailVerified, metadata: JSON.stringify(metadata) }
      return first(await insert(row))
    },

    /** Adds an account that a provider vouches for, without a password; null where the address is taken. */
    async addFromProvider(
      user: Omit<NewUser, 'passwordHash'> & { provider: string; emailVerified: boolean },
    ): Promise<UserRow | null> {
      const { emailVerified, ...facts } = user
      return first(
        await db
          .of(facts.projectId)
          .insert(users)
          .values({ ...facts, emailVerifiedAt: emailVerified ? sql`now()` : null })
          .onConflictDoNothing({ target: [users.projectId, users.email] })
          .returning(userColumns),
      )
    },

    /**
     * Gives an account whose address nobody had proven to whom the address belongs: whatever opened it is void, and
     * every session ends. For an account that is held by `lock`.
     */
    async takeOver(
      projectId: string,
      id: number,
      owner: Partial<Pick<UserRow, 'displayName' | 'firstName' | 'lastName'>> & { provider: string },
    ): Promise<UserRow> {
      const row = first(
        await db
          .of(projectId)
          .update(users)
          .set({
            ...owner,
            passwordHash: null,
            emailVerifiedAt: sql`now()`,
            epoch: sql`${users.epoch} + 1`,
            updatedAt: sql`now()`,
          })
          .where(thisUser(projectId, id))
          .returning(userColumns),
      )
      if (!row) throw new Error('A user that was held is gone.')
      return row
    },

    /** Names the provider that an account came from, or none. */
    async setProvider(projectId: string, id: number, provider: string | null): Promise<void> {
      await db
        .of(projectId)
        .update(users)
        .set({ provider, updatedAt: sql`now()` })
        .where(thisUser(projectId, id))
    },

    async findByEmail(projectId: string, email: string): Promise<UserRow | null> {
      return first(await byEmail({ projectId, email }))
    },

    async exists(projectId: string, uuid: string): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.projectId, projectId), eq(users.uuid, uuid)))
      return rows.length > 0
    },

    async find(projectId: string, id: number): Promise<UserRow | null> {
      return first(await db.of(projectId).select(userColumns).from(users).where(thisUser(projectId, id)))
    },

    /** Changes a proven address from one to another; null if the account has moved on, or another account has it. */
    async changeEmail(projectId: string, id: number, from: string, to: string): Promise<UserRow | null> {
      return first(
        await db
          .of(projectId)
          .update(users)
          .set({ email: to, emailVerifiedAt: sql`now()`, updatedAt: sql`now()` })
          .where(
            and(
              thisUser(projectId, id),
              eq(users.email, from),
              isNull(users.disabledAt),
              notExists(
                db
                  .of(projectId)
                  .select({ id: other.id })
                  .from(other)
                  .where(and(eq(other.projectId, projectId), eq(other.email, to))),
              ),
            ),
          )
          .returning(userColumns),
      )
    },

    /** Ends every session of the user at once. */
    async advanceEpoch(projectId: string, id: number): Promise<void> {
      await db
        .of(projectId)
        .update(users)
        .set({ epoch: sql`${users.epoch} + 1` })
        .where(thisUser(projectId, id))
    },

    /** Marks the address as proven if it still is the account's; null otherwise. A second proof keeps the first instant. */
    async markEmailVerified(projectId: string, id: number, email: string): Promise<UserRow | null> {
      return first(
        await db
          .of(projectId)
          .update(users)
          .set({
            emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, now())`,
            updatedAt: sql`now()`,
          })
          .where(and(thisUser(projectId, id), eq(users.email, email), isNull(users.disabledAt)))
          .returning(userColumns),
      )
    },

    /** The account, held until the transaction ends: what is read here is still true when it is written. */
    async lock(projectId: string, id: number): Promise<UserRow | null> {
      return first(
        await db
          .of(projectId)
          .select(userColumns)
          .from(users)
          .where(thisUser(projectId, id))
          .for('no key update'),
      )
    },

    /** Changes what `change` names, and no other column; for an account that is held by `lock`. */
    async updateProfile(projectId: string, id: number, change: ProfileChange): Promise<UserRow> {
      const { displayName, firstName, lastName, metadata, locale } = change
      const row = first(
        await db
          .of(projectId)
          .update(users)
          .set({ displayName, firstName, lastName, metadata, locale, updatedAt: sql`now()` })
          .where(thisUser(projectId, id))
          .returning(userColumns),
      )
      if (!row) throw new Error('A user that was held is gone.')
      return row
    },

    /** Names the account's picture, or none. */
    async setAvatar(projectId: string, id: number, avatarId: string | null): Promise<UserRow | null> {
      return first(
        await db
          .of(projectId)
          .update(users)
          .set({ avatarId, updatedAt: sql`now()` })
          .where(thisUser(projectId, id))
          .returning(userColumns),
      )
    },
  }
}
