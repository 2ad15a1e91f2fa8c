// Secrets of authenticator apps: encrypted at rest, bound to their project and account.
import { seal, unseal } from '../../crypto/seal.ts'
import { findTotpStep } from '../../crypto/totp.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import {
  findTotp,
  listSealedSecrets,
  replaceSeal,
  useTotpStep,
} from '../../repositories/credentials/totp-factors.ts'
import type { Context, Services } from '../context.ts'

const sealContext = (projectId: string, account: string) => `totp ${projectId} ${account}`

/** Encrypts a secret for storage. */
export const sealTotpSecret = ({ services, project }: Context, account: string, plain: Buffer): Buffer =>
  seal(services.keys.sealing[0], plain, sealContext(project.id, account))

/** Decrypts a stored secret. @throws Error if no master secret opens it */
export function openTotpSecret({ services, project }: Context, account: string, sealed: Buffer): Buffer {
  const secret = unseal(services.keys.sealing, sealed, sealContext(project.id, account))
  if (secret) return secret
  throw new Error('The secret of an authenticator cannot be opened with the master secrets that are set.')
}

/**
 * Finds the time step to which a code belongs, by the database's clock.
 * @param code six digits
 * @returns the step (RFC 6238 §4.2) and the stored secret; null if the code does not fit
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

/** Redeems a code of an enrolled authenticator. Each time step is accepted once (RFC 6238 §5.2). */
export async function redeemTotp(tx: Context, user: UserRow, code: string): Promise<boolean> {
  const found = await findStepOf(tx, user, code, 'enrolled')
  return found !== null && useTotpStep(tx.store, user.id, found.step)
}

/** Encrypts secrets again that are encrypted under an older master secret. @returns how many */
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
