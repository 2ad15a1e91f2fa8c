// Exports the accounts of a project as they are imported elsewhere. The result holds hashes of passwords and the secrets of
// authenticators in the clear, so no API gives it: the command line does, beside the database and the master secret.
import { printTotpSecret } from '../../crypto/totp.ts'
import {
  type ExportedUser,
  listEmptyTeams,
  listExportedUsers,
} from '../../repositories/operators/exported-users.ts'
import { recordAct } from '../audit/operator-acts.ts'
import type { Context, OperatorContext } from '../context.ts'
import { openTotpSecret } from '../credentials/totp.ts'

/** Accounts that one statement reads. */
const pageSize = 1000

/** A person in the form of an import; what is empty is left out. */
function personOf(ctx: Context, { uuid, person, totp }: ExportedUser): Record<string, unknown> {
  const { sealed, ...enrolled } = totp ?? { sealed: null }
  const secret = sealed && printTotpSecret(openTotpSecret(ctx, uuid, Buffer.from(sealed, 'hex')))
  const whole = { ...person, totp: secret ? { secret, ...enrolled } : null }
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null))
}

/**
 * Hands every account of a project to `write`, as of one moment, the oldest first; teams without members come before. The security
 * log has that it was done.
 * @returns how many accounts there were
 * @throws what `write` throws; Error where the secret of an authenticator cannot be opened
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
