// Search of accounts by operators.
import { isUuid } from '../../formats.ts'
import {
  type AdminUserRow,
  findAdminUser,
  findAdminUsers,
  foldWords,
  type SearchPosition,
  searchUsers as searchRows,
  type UserState,
} from '../../repositories/operators/user-search.ts'
import type { OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'

export interface UserQuery {
  /** Prefix of the address. */
  readonly email?: string | undefined
  /** Prefixes of words of the names. */
  readonly name?: string | undefined
  /** One UUID, or several separated by commas. */
  readonly uuid?: string | undefined
  readonly state?: UserState | undefined
  readonly createdSince?: Date | undefined
  /** Where the previous page ended; null: this is the first page. */
  readonly after: SearchPosition | null
  readonly limit: number
}

export interface UserPage {
  readonly users: readonly AdminUserRow[]
  readonly next: SearchPosition | null
}

/** Words of a name that are searched for at most. */
const maxWords = 5

/** Finds a page of accounts. A page may be shorter than its limit and have a successor. */
export async function searchUsers(ctx: OperatorContext, query: UserQuery): Promise<UserPage> {
  const { uuid, name, email, state, createdSince, after, limit } = query
  if (uuid !== undefined) return { users: await usersNamed(ctx, uuid), next: null }
  const words = name === undefined ? undefined : await wordsOf(ctx, name)
  // A name without letters or digits matches no account.
  if (words?.length === 0) return { users: [], next: null }
  const emailPrefix = email?.trim().toLowerCase()
  const filter = { emailPrefix, words, state, createdSince }
  const { rows, next } = await searchRows(ctx.store, filter, after, limit)
  return { users: rows, next }
}

/** Finds accounts by a list of UUIDs, in the order of the list. */
async function usersNamed(ctx: OperatorContext, named: string): Promise<AdminUserRow[]> {
  const uuids = [...new Set(named.toLowerCase().split(','))].filter(isUuid)
  if (uuids.length === 0) return []
  const found = await findAdminUsers(ctx.store, uuids)
  return uuids.flatMap((uuid) => found.find((user) => user.uuid === uuid) ?? [])
}

/** Splits a name into words, the longest first, because it is the most selective. */
async function wordsOf(ctx: OperatorContext, name: string): Promise<string[]> {
  const words = await foldWords(ctx.store, name)
  return words.sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).slice(0, maxWords)
}

/** Finds an account by its UUID. @throws AuthError account_unknown */
export async function findUserForOperator(ctx: OperatorContext, uuid: string): Promise<AdminUserRow> {
  const user = isUuid(uuid) ? await findAdminUser(ctx.store, uuid.toLowerCase()) : null
  if (!user) throw new AuthError('account_unknown')
  return user
}
