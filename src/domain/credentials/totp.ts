// The secret of an authenticator app: sealed at rest, bound to its project and account.
import { seal, unseal } from '../../crypto/seal.ts'
import { findTotpStep, mintTotpSecret } from '../../crypto/totp.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import {
  findTotp,
  listSealedSecrets,
  replaceSeal,
  useTotpStep,
} from '../../repositories/credentials/totp-factors.ts'
import type { Context, Services } from '../context.ts'

const sealContext = (projectId: string, account: string) => `totp ${projectId} ${account}`

/** What is stored of a secret. */
export const sealTotpSecret = ({ services, project }: Context, account: string, plain: Buffer): Buffer =>
  seal(services.keys.sealing[0], plain, sealContext(project.id, account))

/** The secret of an account, for an export. @throws Error where no master secret opens it */
export function openTotpSecret({ services, project }: Context, account: string, sealed: Buffer): Buffer {
  const secret = unseal(services.keys.sealing, sealed, sealContext(project.id, account))
  if (secret) return secret
  throw new Error('The secret of an authenticator cannot be opened with the master secrets that are set.')
}

/** Mints a secret. @returns its bytes, and what is stored of them */
export function mintSealedSecret(ctx: Context, { uuid }: UserRow) {
  const plain = mintTotpSecret()
  return { plain, sealed: sealTotpSecret(ctx, uuid, plain) }
}

/**
 * The step that a code belongs to, by the database's clock.
 * @param code six digits
 * @returns with the stored secret that it fits; null where it fits none
 */
export async function findStepOf(
  ctx: Context,
  user: UserRow,
  code: string,
  state: 'proposed' | 'enrolled',
): Promise<{ readonly step: number; readonly sealedSecret: Buffer } | null> {
  const found = await findTotp(ctx.store, user.id, state)
  if (!found) return null
  const { sealedSecret, now } = found
  const secret = openTotpSecret(ctx, user.uuid, sealedSecret)
  const step = findTotpStep(secret, code, now)
  return step === null ? null : { step, sealedSecret }
}

/** Accepts a code of an enrolled authenticator, once for each step. */
export async function redeemTotp(tx: Context, user: UserRow, code: string): Promise<boolean> {
  const found = await findStepOf(tx, user, code, 'enrolled')
  return found !== null && useTotpStep(tx.store, user.id, found.step)
}

/** Seals under the newest master secret what an older one sealed. @returns how many secrets */
export async function resealTotpSecrets({
  stores,
  keys,
}: Pick<Services, 'stores' | 'keys'>): Promise<number> {
  const { unscoped } = stores
  const [newest] = keys.sealing
  let resealed = 0
  for (const { projectId, userId, account, sealedSecret } of await listSealedSecrets(unscoped)) {
    const context = sealContext(projectId, account)
    if (unseal([newest], sealedSecret, context)) continue
    const secret = unseal(keys.sealing, sealedSecret, context)
    if (!secret) continue
    const anew = seal(newest, secret, context)
    if (await replaceSeal(unscoped, { projectId, userId }, sealedSecret, anew)) resealed++
  }
  return resealed
}
