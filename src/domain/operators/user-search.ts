// What an operator searches accounts by.
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
  /** The beginning of an address. */
  readonly email?: string | undefined
  /** Beginnings of words of the names. */
  readonly name?: string | undefined
  /** One UUID, or several with commas between them. */
  readonly uuid?: string | undefined
  readonly state?: UserState | undefined
  readonly createdSince?: Date | undefined
  /** Where the page before ended; null: the first page. */
  readonly after: SearchPosition | null
  readonly limit: number
}

export interface UserPage {
  readonly users: readonly AdminUserRow[]
  readonly next: SearchPosition | null
}

/** Most words of a name that are looked for. */
const maxWords = 5

/** Finds accounts of a project. A page may be shorter than its limit and still be followed by another. */
export async function searchUsers(ctx: OperatorContext, query: UserQuery): Promise<UserPage> {
  const { uuid, name, email, state, createdSince, after, limit } = query
  if (uuid !== undefined) return { users: await usersNamed(ctx, uuid), next: null }
  const words = name === undefined ? undefined : await wordsOf(ctx, name)
  // A name of punctuation alone is nobody's.
  if (words?.length === 0) return { users: [], next: null }
  const emailPrefix = email?.trim().toLowerCase()
  const filter = { emailPrefix, words, state, createdSince }
  const { rows, next } = await searchRows(ctx.store, filter, after, limit)
  return { users: rows, next }
}

/** The accounts of UUIDs, in the order in which they are named. */
async function usersNamed(ctx: OperatorContext, named: string): Promise<AdminUserRow[]> {
  const uuids = [...new Set(named.toLowerCase().split(','))].filter(isUuid)
  if (uuids.length === 0) return []
  const found = await findAdminUsers(ctx.store, uuids)
  return uuids.flatMap((uuid) => found.find((user) => user.uuid === uuid) ?? [])
}

/** The longest word first: it narrows the most. */
async function wordsOf(ctx: OperatorContext, name: string): Promise<string[]> {
  const words = await foldWords(ctx.store, name)
  return words.sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).slice(0, maxWords)
}

/** One account. @throws AuthError account_unknown */
export async function findUserForOperator(ctx: OperatorContext, uuid: string): Promise<AdminUserRow> {
  const user = isUuid(uuid) ? await findAdminUser(ctx.store, uuid.toLowerCase()) : null
  if (!user) throw new AuthError('account_unknown')
  return user
}
