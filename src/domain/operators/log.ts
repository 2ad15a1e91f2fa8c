// The security log of a project, as operators list, search, export and verify it.
import { isMailbox, isUuid, normalizeEmail } from '../../formats.ts'
import { findUserByEmail } from '../../repositories/accounts/users.ts'
import {
  type FoundLogRows,
  type LogSearch,
  listLogRows,
  searchLogRows,
} from '../../repositories/audit/log-search.ts'
import type { LogRow } from '../../repositories/audit/security-log.ts'
import { logAddressHash } from '../audit/audit.ts'
import { type ChainVerdict, verifySecurityLog } from '../audit/chain-verification.ts'
import { recordAct } from '../audit/operator-acts.ts'
import type { OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'

export interface LogQuery extends Omit<LogSearch, 'accounts' | 'addressHashes'> {
  /** An e-mail address, or the UUID of an account, which may have been deleted. */
  readonly user?: string | undefined
}

interface LogPage {
  /** Only rows with a smaller id; null: from the newest. */
  readonly before: number | null
  readonly limit: number
}

/**
 * Replaces `user` by what the rows have. An address stands for the account that has it, and for the rows that were written
 * while no account had it.
 * @throws AuthError log_user_invalid if `user` is neither an address nor a UUID
 */
async function filterOf({ store, services }: OperatorContext, query: LogQuery): Promise<LogSearch> {
  const { user, ...filter } = query
  if (user === undefined) return filter
  if (isUuid(user)) return { ...filter, accounts: [user.toLowerCase()] }
  if (!isMailbox(user)) throw new AuthError('log_user_invalid')
  const email = normalizeEmail(user)
  const account = await findUserByEmail(store, email)
  return {
    ...filter,
    accounts: account ? [account.uuid] : [],
    addressHashes: [logAddressHash(services.keys.lookup, email)],
  }
}

/** Lists rows, the newest first. @throws AuthError log_user_invalid */
export async function listSecurityLog(
  ctx: OperatorContext,
  query: LogQuery,
  { before, limit }: LogPage,
): Promise<LogRow[]> {
  return listLogRows(ctx.store, await filterOf(ctx, query), before, limit)
}

/**
 * Finds a page of rows, the newest first, at a bounded cost: a page may be shorter than its limit and have a successor.
 * @throws AuthError log_user_invalid
 */
export async function searchSecurityLog(
  ctx: OperatorContext,
  query: LogQuery,
  { before, limit }: LogPage,
): Promise<FoundLogRows> {
  return searchLogRows(ctx.store, await filterOf(ctx, query), before, limit)
}

/** Rows that an export reads at once. */
const batch = 1000

/**
 * Exports every row that a search finds, the newest first, while they are read. The log records the export.
 * @throws AuthError log_user_invalid, before the first row
 */
export async function exportSecurityLog(
  ctx: OperatorContext,
  query: LogQuery,
): Promise<AsyncIterable<LogRow>> {
  const filter = await filterOf(ctx, query)
  await recordAct(ctx.services.stores.unscoped, ctx, ctx.project.id, 'log_exported')
  return rowsOf(ctx, filter)
}

async function* rowsOf(ctx: OperatorContext, filter: LogSearch): AsyncGenerator<LogRow> {
  let before: number | null = null
  do {
    const page: FoundLogRows = await searchLogRows(ctx.store, filter, before, batch)
    yield* page.rows
    before = page.next
  } while (before !== null)
}

/** Verifies the hash chain of the project's log. */
export async function verifyLogOf(ctx: OperatorContext): Promise<ChainVerdict> {
  const [verdict] = await verifySecurityLog(ctx.services, ctx.project.id)
  if (!verdict) throw new Error('No chain was verified.')
  return verdict
}
