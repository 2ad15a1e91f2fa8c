// Rows of `users`, except passwords (credentials/passwords.ts) and deletion (deletion.ts).
import { and, eq, getTableColumns, gt, isNull, notExists, or, type SQL, sql } from 'drizzle-orm'
import { alias, type PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { users } from '../../../drizzle/tables/users.ts'
import {
  type Given,
  now,
  own,
  parameter,
  parameters,
  parametersOf,
  pick,
  type Scope,
  type UserTable,
} from '../conditions.ts'
import { type Database, first, hasRows, prepared } from '../database.ts'

const { passwordHash: _, ...publicColumns } = getTableColumns(users)

/** The columns of a user without the password hash, which only checks of a password read. */
export const userColumns = publicColumns
export type UserRow = Omit<typeof users.$inferSelect, 'passwordHash'>
export type UserWithPassword = UserRow & { passwordHash: string | null }

/** The profile of a new account. */
const emptyProfile = {
  displayName: null,
  firstName: null,
  lastName: null,
  metadata: {},
  locale: null,
} satisfies Partial<UserRow>

/** A change of a profile; absent fields stay. */
export type ProfileChange = Partial<Pick<UserRow, keyof typeof emptyProfile>>

/** The fields of a profile. */
const profileFields = Object.keys(emptyProfile) as (keyof typeof emptyProfile)[]

/** The columns of a profile, by field. */
export const profileColumns = pick(users, ...profileFields)

/** The fields of a profile that `given` has. It may have other fields, which are left out. */
function profileOf(given: ProfileChange): ProfileChange {
  return Object.fromEntries(profileFields.map((field) => [field, given[field]]))
}

/** Completes the profile of a new account. `given` may have other fields, which are left out. */
export function newProfile(given: ProfileChange): Required<ProfileChange> {
  const known = Object.entries(profileOf(given)).filter(([, value]) => value !== undefined)
  return { ...emptyProfile, ...Object.fromEntries(known) }
}

/** The profile of a new account by the names of its columns, which import files use; null: the default. */
export function profileByColumn(given: Readonly<Record<string, unknown>>): Required<ProfileChange> {
  const named = Object.entries(profileColumns).map(([field, { name }]) => [field, given[name] ?? undefined])
  return newProfile(Object.fromEntries(named))
}

export type NewUser = Pick<UserWithPassword, 'uuid' | 'email' | 'passwordHash'> &
  ProfileChange & {
    /** Default: user. */
    readonly role?: UserRow['role']
    /** The provider by which the account was created; default: none. */
    readonly provider?: string
    /** Whether the holder of the account has proven the address; default: false. */
    readonly emailVerified?: boolean
  }

/** An alias of the table, for conditions on other accounts in the same statement. */
const other = alias(users, 'other')

/** Excludes accounts whose deletion is due, even if their row still exists. */
export const isUndeleted = or(isNull(users.deletionDueAt), gt(users.deletionDueAt, now))

/** The condition for one account of the project. */
export const thisUser = (scope: Scope, id: Given<number>) => and(own(users, scope), eq(users.id, id))

/** The condition for an account that still has an address and is not disabled. */
export const enabledUser = (db: Database, id: number, email: string) =>
  and(thisUser(db, id), eq(users.email, email), isNull(users.disabledAt))

/** Joins the user of a row. */
export const userOf = (row: UserTable) => and(eq(users.projectId, row.projectId), eq(users.id, row.userId))

/** The epoch that ends every session. */
export const nextEpoch = sql`${users.epoch} + 1`

/** The time of the first proof of the address. */
const firstProof = sql`coalesce(${users.emailVerifiedAt}, now())`

/**
 * How an address was proven: by its mail and the holder of the account together (`holder`), by the token of a sign-up (`claim`), or
 * by its mail alone (`mailbox`).
 */
export type EmailProof = NonNullable<UserRow['emailProof']>

/** Whether the holder of the account has proven the address. */
export const isHolderProven = ({ emailVerifiedAt, emailProof }: UserRow) =>
  emailVerifiedAt !== null && emailProof === 'holder'

/**
 * Whether rights may be granted to the account because of its address: it is proven, and not only by its mail. For addresses proven
 * under earlier versions, `emailProof` is null, and they are accepted.
 */
export const mayHoldRights = ({ emailVerifiedAt, emailProof }: UserRow) =>
  emailVerifiedAt !== null && emailProof !== 'mailbox'

/** The change that marks an address as proven. A later proof by the mailbox does not replace an earlier one by the holder. */
export const proven = (by: EmailProof) => ({
  emailVerifiedAt: firstProof,
  emailProof: by === 'holder' ? by : sql<EmailProof>`coalesce(${users.emailProof}, ${by})`,
})

/** Updates the user that `where` selects; null: there is none. */
export function updateUser(
  db: Database,
  where: SQL | undefined,
  change: PgUpdateSetSource<typeof users>,
): Promise<UserRow | null> {
  const values = { ...change, updatedAt: now }
  return first(db.queries.update(users).set(values).where(where).returning(userColumns))
}

/** Updates an account that this transaction has locked by `lockUser`. */
export async function updateLockedUser(
  db: Database,
  id: number,
  change: PgUpdateSetSource<typeof users>,
): Promise<UserRow> {
  const row = await updateUser(db, thisUser(db, id), change)
  if (!row) throw new Error('A locked user is gone.')
  return row
}

const findByEmail = prepared((query) =>
  query
    .select(userColumns)
    .from(users)
    .where(and(own(users, parameters), eq(users.email, parameter('email')), isUndeleted))
    .prepare('user_by_email'),
)

const insert = prepared((query) =>
  query
    .insert(users)
    .values({
      ...parametersOf('uuid', 'projectId', 'email', 'passwordHash', 'role', 'provider'),
      ...parametersOf(...profileFields),
      metadata: sql`${parameter('metadata')}::jsonb`,
      emailVerifiedAt: sql`case when ${parameter('emailVerified')}::boolean then now() end`,
      emailProof: sql`case when ${parameter('emailVerified')}::boolean then 'holder' end`,
    })
    .onConflictDoNothing({ target: [users.projectId, users.email] })
    .returning(userColumns)
    .prepare('user_insert'),
)

/** Inserts an account; null: the address is taken in this project. */
export function insertUser(db: Database, user: NewUser): Promise<UserRow | null> {
  const { role = 'user', emailVerified = false, provider = null } = user
  const profile = { ...emptyProfile, ...user }
  const metadata = JSON.stringify(profile.metadata)
  return first(insert(db, { ...profile, role, provider, emailVerified, metadata }))
}

/** Sets the provider by which an account was created, or null. */
export async function setUserProvider(db: Database, id: number, provider: string | null): Promise<void> {
  await updateUser(db, thisUser(db, id), { provider })
}

export function findUserByEmail(db: Database, email: string): Promise<UserRow | null> {
  return first(findByEmail(db, { email }))
}

export function userExists(db: Database, uuid: string): Promise<boolean> {
  const where = and(own(users, db), eq(users.uuid, uuid))
  return hasRows(db.queries.select({ id: users.id }).from(users).where(where))
}

const selectUser = (db: Database, id: number) =>
  db.queries.select(userColumns).from(users).where(thisUser(db, id))

export function findUser(db: Database, id: number): Promise<UserRow | null> {
  return first(selectUser(db, id))
}

/** Reads an account and locks it until the transaction ends. */
export function lockUser(db: Database, id: number): Promise<UserRow | null> {
  return first(selectUser(db, id).for('no key update'))
}

/**
 * Replaces the address by one that the holder has proven.
 * @returns null: the account no longer has the address `from`, is disabled, or another account has the address `to`
 */
export function updateUserEmail(db: Database, id: number, from: string, to: string): Promise<UserRow | null> {
  const where = and(own(other, db), eq(other.email, to))
  const taken = db.queries.select({ id: other.id }).from(other).where(where)
  const change = { email: to, emailVerifiedAt: now, emailProof: 'holder' } as const
  return updateUser(db, and(enabledUser(db, id, from), notExists(taken)), change)
}

/** Ends every session of the user at once. */
export async function advanceEpoch(db: Database, id: number): Promise<void> {
  await db.queries.update(users).set({ epoch: nextEpoch }).where(thisUser(db, id))
}

/** Marks an address as proven; a repeated proof keeps the first time. @returns null: the account has another address, or is disabled */
export function markEmailVerified(
  db: Database,
  id: number,
  email: string,
  by: EmailProof,
): Promise<UserRow | null> {
  return updateUser(db, enabledUser(db, id, email), proven(by))
}

/** Updates the given fields of the profile. For an account that is locked by `lockUser`. */
export function updateProfile(db: Database, id: number, change: ProfileChange): Promise<UserRow> {
  return updateLockedUser(db, id, profileOf(change))
}

/** Sets the id of the account's picture, or null. */
export function setUserAvatar(db: Database, id: number, avatarId: string | null): Promise<UserRow | null> {
  return updateUser(db, thisUser(db, id), { avatarId })
}
