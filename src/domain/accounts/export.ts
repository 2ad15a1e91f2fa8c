// The data export: everything that is stored about a user, read in one snapshot.
import { type AvatarRow, findAvatarOfUser } from '../../repositories/accounts/avatars.ts'
import { type ExportedRows, findExportedRows, findSnapshotTime } from '../../repositories/accounts/export.ts'
import { findUser, type UserRow } from '../../repositories/accounts/users.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import { type IdentityRow, listIdentities } from '../../repositories/social/identities.ts'
import { record } from '../audit/audit.ts'
import type { Context, SignedInContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { AuthError } from '../errors.ts'

const maxRows = 10_000

export interface AccountExport extends ExportedRows {
  readonly exportedAt: Date
  readonly user: UserRow
  readonly hasPassword: boolean
  readonly avatar: AvatarRow | null
  readonly identities: readonly IdentityRow[]
}

/** Reads all stored data about the user, without secrets and hashes. @throws AuthError unauthenticated; as `reauthenticate` */
export async function exportAccount(ctx: SignedInContext): Promise<AccountExport> {
  const { id } = ctx.actor.user
  await reauthenticate(ctx)
  // Recorded first, so that the export lists itself.
  await record(ctx, 'data_exported', { userId: id })
  return readAccount(ctx, id)
}

/**
 * As `exportAccount`, for a caller who has checked and recorded the access.
 * @throws AuthError unauthenticated if the account is gone
 */
export async function readAccount(ctx: Context, id: number): Promise<AccountExport> {
  return ctx.store.readSnapshot(async (db) => {
    const user = await findUser(db, id)
    if (!user) throw new AuthError('unauthenticated')
    const [exportedAt, hash, avatar, identities, rows] = await Promise.all([
      findSnapshotTime(db),
      findPasswordHash(db, id),
      findAvatarOfUser(db, id),
      listIdentities(db, id),
      findExportedRows(db, id, maxRows),
    ])
    return { exportedAt, user, hasPassword: hash !== null, avatar, identities, ...rows }
  })
}
