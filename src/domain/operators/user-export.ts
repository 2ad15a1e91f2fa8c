// Exports the accounts of a project in the format of imports. The export has password hashes and the plain secrets of
// authenticators, so no API offers it: only the command line does, which needs the database and the master secret.
import { printTotpSecret } from '../../crypto/totp.ts'
import {
  type ExportedUser,
  listEmptyTeams,
  listExportedUsers,
} from '../../repositories/operators/exported-users.ts'
import { recordAct } from '../audit/operator-acts.ts'
import type { Context, OperatorContext } from '../context.ts'
import { openTotpSecret } from '../credentials/totp.ts'

/** Accounts read by one statement. */
const pageSize = 1000

/** Prints an account in the format of an import, without empty fields. */
function personOf(ctx: Context, { uuid, person, totp }: ExportedUser): Record<string, unknown> {
  const { sealed, ...enrolled } = totp ?? { sealed: null }
  const secret = sealed && printTotpSecret(openTotpSecret(ctx, uuid, Buffer.from(sealed, 'hex')))
  const whole = { ...person, totp: secret ? { secret, ...enrolled } : null }
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null))
}

/**
 * Passes every account of a project to `write`, from one snapshot, the oldest first; teams without members come before them. The
 * security log records the export.
 * @returns how many accounts
 * @throws what `write` throws; Error if the secret of an authenticator cannot be opened
 */
export async function exportUsers(
  ctx: OperatorContext,
  write: (line: Record<string, unknown>) => Promise<void>,
): Promise<number> {
  await recordAct(ctx.services.stores.unscoped, ctx, ctx.project.id, 'accounts_exported')
  return ctx.store.readSnapshot(async (db) => {
    for (const team of await listEmptyTeams(db)) await write({ team })
    let count = 0
    for (let after = 0; ; ) {
      const page = await listExportedUsers(db, after, pageSize)
      for (const user of page) await write(personOf(ctx, user))
      count += page.length
      const last = page.at(-1)
      if (!last || page.length < pageSize) return count
      after = last.id
    }
  })
}
