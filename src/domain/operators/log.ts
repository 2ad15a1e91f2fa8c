// The security log as operators of the admin API search, export and verify it.
import { isMailbox, isUuid, normalizeEmail } from '../../formats.ts'
import { findUserByEmail } from '../../repositories/accounts/users.ts'
import { type LogSearch, searchLogRows } from '../../repositories/audit/log-search.ts'
import type { LogRow } from '../../repositories/audit/security-log.ts'
import { logAddressHash } from '../audit/audit.ts'
import { type ChainVerdict, verifySecurityLog } from '../audit/chain-verification.ts'
import { recordAct } from '../audit/operator-acts.ts'
import type { OperatorContext } from '../context.ts'
import { AuthError } from '../errors.ts'

export interface LogQuery extends Omit<LogSearch, 'accounts' | 'addressHashes'> {
  /** An address, or the UUID of an account, which may be gone. */
  readonly user?: string | undefined
}

/** The rows of a person: by UUID, or by an address with what was written while no account had it. */
async function personOf(
  { store, services }: OperatorContext,
  user: string | undefined,
): Promise<Pick<LogSearch, 'accounts' | 'addressHashes'>> {
  if (user === undefined) return {}
  if (isUuid(user)) return { accounts: [user.toLowerCase()] }
  if (!isMailbox(user)) throw new AuthError('log_user_invalid')
  const email = normalizeEmail(user)
  const account = await findUserByEmail(store, email)
  return {
    accounts: account ? [account.uuid] : [],
    addressHashes: [logAddressHash(services.keys.lookup, email)],
  }
}

/**
 * A page of the log of the context's project, the newest row first. It may be short and still be followed by another.
 * @throws AuthError log_user_invalid where `user` is neither an address nor a UUID
 */
export async function searchSecurityLog(
  ctx: OperatorContext,
  { user, ...query }: LogQuery,
  page: { readonly before: number | null; readonly limit: number },
): Promise<{ rows: LogRow[]; next: number | null }> {
  const filter = { ...query, ...(await personOf(ctx, user)) }
  return searchLogRows(ctx.store, filter, page.before, page.limit)
}

/** Rows that an export reads at once. */
const batch = 1000

/**
 * Every row that a search finds, the newest first, as they are read. The export itself is a row.
 * @throws AuthError log_user_invalid, before the first row
 */
export async function exportSecurityLog(
  ctx: OperatorContext,
  { user, ...query }: LogQuery,
): Promise<AsyncIterable<LogRow>> {
  const filter = { ...query, ...(await personOf(ctx, user)) }
  await recordAct(ctx.services.stores.unscoped, ctx, ctx.project.id, 'log_exported')
  return rowsOf(ctx, filter)
}

async function* rowsOf(ctx: OperatorContext, filter: LogSearch): AsyncGenerator<LogRow> {
  let before: number | null = null
  do {
    const page: { rows: LogRow[]; next: number | null } = await searchLogRows(
      ctx.store,
      filter,
      before,
      batch,
    )
    yield* page.rows
    before = page.next
  } while (before !== null)
}

/** Follows the chain of the context's project. */
export async function verifyLogOf(ctx: OperatorContext): Promise<ChainVerdict> {
  const [verdict] = await verifySecurityLog(ctx.services, ctx.project.id)
  if (!verdict) throw new Error('No chain was verified.')
  return verdict
}
