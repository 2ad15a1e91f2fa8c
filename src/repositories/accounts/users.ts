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
  type Scope,
  type UserTable,
} from '../conditions.ts'
import { type Database, first, hasRows, prepared } from '../database.ts'

const { passwordHash: _, ...publicColumns } = getTableColumns(users)

/** The columns of a user without the password hash, which is read only where a password is checked. */
export const userColumns = publicColumns
export type UserRow = Omit<typeof users.$inferSelect, 'passwordHash'>
export type UserWithPassword = UserRow & { passwordHash: string | null }

/** What the owner of an account says about themselves, as it is in a new account. */
const emptyProfile = {
  displayName: null,
  firstName: null,
  lastName: null,
  metadata: {},
  locale: null,
} satisfies Partial<UserRow>

/** A change to it; absent fields stay. */
export type ProfileChange = Partial<Pick<UserRow, keyof typeof emptyProfile>>

/** The profile of a new account; `given` may have other fields, which are left out. */
export function newProfile(given: ProfileChange) {
  const { displayName, firstName, lastName, metadata, locale } = { ...emptyProfile, ...given }
  return { displayName, firstName, lastName, metadata, locale }
}

/** What a new account is made of. */
export type NewUser = Pick<UserWithPassword, 'uuid' | 'email' | 'passwordHash'> &
  ProfileChange & {
    /** Default: user. */
    readonly role?: UserRow['role']
    /** The provider that the account comes from; default: none. */
    readonly provider?: string
    /** Whether the address has been proven already, by its holder; default: no. */
    readonly emailVerified?: boolean
  }

/** The same table under another name, to look at other accounts in the same statement. */
const other = alias(users, 'other')

/** Excludes accounts whose deletion is due although their row may still be there. */
export const isHere = or(isNull(users.deletionDueAt), gt(users.deletionDueAt, now))

/** The account of the project with this id. */
export const thisUser = (scope: Scope, id: Given<number>) => and(own(users, scope), eq(users.id, id))

/** The account, if it still has this address and is not disabled. */
export const enabledUser = (db: Database, id: number, email: string) =>
  and(thisUser(db, id), eq(users.email, email), isNull(users.disabledAt))

/** Joins the user of a row. */
export const userOf = (row: UserTable) => and(eq(users.projectId, row.projectId), eq(users.id, row.userId))

/** The epoch that ends every session. */
export const nextEpoch = sql`${users.epoch} + 1`

/** The instant of the first proof of the address. */
const firstProof = sql`coalesce(${users.emailVerifiedAt}, now())`

/** Who has proven an address: the mailbox with the account's holder, with a claim's token, or alone. */
export type EmailProof = NonNullable<UserRow['emailProof']>

/** Whether the address was proven by the mailbox and the account's holder together. */
export const isHolderProven = ({ emailVerifiedAt, emailProof }: UserRow) =>
  emailVerifiedAt !== null && emailProof === 'holder'

/**
 * Whether rights that go by the address may be given: it is proven, and not known to be by its mail alone. Of an address
 * that was proven under an earlier version that is not known.
 */
export const mayHoldRights = ({ emailVerifiedAt, emailProof }: UserRow) =>
  emailVerifiedAt !== null && emailProof !== 'mailbox'

/** Marks the address as proven. A proof by the mailbox alone takes back no earlier one by the holder. */
export const proven = (by: EmailProof) => ({
  emailVerifiedAt: firstProof,
  emailProof: by === 'holder' ? by : sql<EmailProof>`coalesce(${users.emailProof}, ${by})`,
})

/** Changes the user that `where` names; null where there is none. */
export function updateUser(
  db: Database,
  where: SQL | undefined,
  change: PgUpdateSetSource<typeof users>,
): Promise<UserRow | null> {
  const values = { ...change, updatedAt: now }
  return first(db.queries.update(users).set(values).where(where).returning(userColumns))
}

/** The same for an account that this transaction holds by `lockUser`. */
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
    .where(and(own(users, parameters), eq(users.email, parameter('email')), isHere))
    .prepare('user_by_email'),
)

const insert = prepared((query) =>
  query
    .insert(users)
    .values({
      ...parametersOf('uuid', 'projectId', 'email', 'passwordHash', 'role', 'provider'),
      ...parametersOf('displayName', 'firstName', 'lastName', 'locale'),
      metadata: sql`${parameter('metadata')}::jsonb`,
      emailVerifiedAt: sql`case when ${parameter('emailVerified')}::boolean then now() end`,
      emailProof: sql`case when ${parameter('emailVerified')}::boolean then 'holder' end`,
    })
    .onConflictDoNothing({ target: [users.projectId, users.email] })
    .returning(userColumns)
    .prepare('user_insert'),
)

/** Inserts an account; null where the address is taken in this project. */
export function insertUser(db: Database, user: NewUser): Promise<UserRow | null> {
  const { role = 'user', emailVerified = false, provider = null } = user
  const profile = { ...emptyProfile, ...user }
  const metadata = JSON.stringify(profile.metadata)
  return first(insert(db, { ...profile, role, provider, emailVerified, metadata }))
}

/** Names the provider that an account came from, or none. */
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

/** The account, locked until the transaction ends: what is read here is still true when it is written. */
export function lockUser(db: Database, id: number): Promise<UserRow | null> {
  return first(selectUser(db, id).for('no key update'))
}

/** Changes the address to another that its holder has proven; null if the account has moved on, or another account has it. */
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

/** Marks the address as proven if it still is the account's; null otherwise. A second proof keeps the first instant. */
export function markEmailVerified(
  db: Database,
  id: number,
  email: string,
  by: EmailProof,
): Promise<UserRow | null> {
  return updateUser(db, enabledUser(db, id, email), proven(by))
}

/** Changes what `change` names of the profile, and no other column; for an account held by `lockUser`. */
export function updateProfile(db: Database, id: number, change: ProfileChange): Promise<UserRow> {
  const { displayName, firstName, lastName, metadata, locale } = change
  return updateLockedUser(db, id, { displayName, firstName, lastName, metadata, locale })
}

/** Names the account's picture, or none. */
export function setUserAvatar(db: Database, id: number, avatarId: string | null): Promise<UserRow | null> {
  return updateUser(db, thisUser(db, id), { avatarId })
}
