// What an operator asks of the security log.
import { isMailbox, isUuid, normalizeEmail } from '../../formats.ts'
import { findUserByEmail } from '../../repositories/accounts/users.ts'
import { type LogRow, listLogRows } from '../../repositories/audit/security-log.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { logAddressHash } from './audit.ts'

export interface LogQuery {
  /** An address, or the UUID of an account, which may be gone. */
  readonly user?: string
  readonly event?: string
  readonly since?: Date
  /** The id before which to go on. */
  readonly before?: number
  readonly limit: number
}

/**
 * Lists rows of a project's security log, the newest first. By an address it finds the rows of the account that has it, and
 * those that were written while no account had it.
 * @throws AuthError account_unknown where `user` is neither an address nor a UUID
 */
export async function searchLog(ctx: Context, { user, limit, ...filter }: LogQuery): Promise<LogRow[]> {
  if (user === undefined) return listLogRows(ctx.store, filter, limit)
  if (isUuid(user)) return listLogRows(ctx.store, { ...filter, accounts: [user.toLowerCase()] }, limit)
  if (!isMailbox(user)) throw new AuthError('account_unknown')
  const email = normalizeEmail(user)
  const account = await findUserByEmail(ctx.store, email)
  const addressHashes = [logAddressHash(ctx.services.keys.lookup, email)]
  const accounts = account ? [account.uuid] : []
  return listLogRows(ctx.store, { ...filter, accounts, addressHashes }, limit)
}
