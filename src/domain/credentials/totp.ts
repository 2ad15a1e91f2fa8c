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

/** Mints a secret. @returns its bytes, and what is stored of them */
export function mintSealedSecret({ services, project }: Context, { uuid }: UserRow) {
  const plain = mintTotpSecret()
  return { plain, sealed: seal(services.keys.sealing[0], plain, sealContext(project.id, uuid)) }
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
  const secret = unseal(ctx.services.keys.sealing, sealedSecret, sealContext(ctx.project.id, user.uuid))
  if (!secret)
    throw new Error('The secret of an authenticator cannot be opened with the master secrets that are set.')
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
