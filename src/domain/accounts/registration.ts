// Registration with proof of the address first: the account is created only after the link or code of a mail.
//
// Neither the answer to the request nor a refusal discloses whether an unproven address has an account. After the proof, the
// owner of the address learns it.
import { randomUUID } from 'node:crypto'
import { hashSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  consumeProof,
  insertRegistration,
  isAddressProven,
  isRegistrationOpen as isTokenOpen,
  markRegistrationProven,
  markRegistrationProvenByCode,
  renewRegistration,
} from '../../repositories/accounts/registrations.ts'
import { insertUser, type UserRow } from '../../repositories/accounts/users.ts'
import { queueMailToAddress } from '../../repositories/mail/mail-queue.ts'
import { shownCaller } from '../actor.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction, type Services } from '../context.ts'
import {
  deriveMailSecret,
  hashCode,
  type MailSecrets,
  maxCodeAttempts,
  type Proof,
  withProof,
} from '../credentials/mailed-tokens.ts'
import { checkNewPassword } from '../credentials/password-rules.ts'
import { hashPassword } from '../credentials/passwords.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { type Client, checkClient } from '../projects/clients.ts'
import { mustAllowSignUp, type Project } from '../projects/projects.ts'
import { addressKey, emailKey } from '../throttling/keys.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'
import { takeMailCooldown } from '../throttling/mail-cooldown.ts'
import { newUser, type SignUpFacts } from './sign-up.ts'

/** Seconds after the proof in which the client that proved the address can create the account without the mail's code. */
const provenSeconds = 600

/**
 * Requests the mail that proves an address. Known and unknown addresses get the same answer at the same cost; the mail tells
 * the owner of an account that there is one. Sends nothing within the cooldown.
 * @returns the token, for an application that delivers mail itself and presented the project's secret; null otherwise
 * @throws AuthError sign_up_closed, redirect_not_allowed, logo_not_allowed
 */
export async function requestRegistration(
  ctx: Context,
  asked: {
    readonly email: string
    readonly client: Omit<Client, 'linkBase'>
    readonly locale: string | null
  },
): Promise<string | null> {
  mustAllowSignUp(ctx.project)
  const email = normalizeEmail(asked.email)
  const frontEnd = checkClient(ctx.project, asked.client)
  const { delivery, lifetime_seconds: lifetimeSeconds } = ctx.project.policy.verification
  return inTransaction(ctx, async (tx) => {
    if ((await takeMailCooldown(tx, 'register', email)) > 0) return null
    // A registration whose proof nobody gets would void the one before it, and its code could only be guessed.
    if (delivery === 'app' && !tx.caller.provesProject) return null
    if ((await takeMailCap(tx, 'register', { email })) > 0) return null
    const id = randomUUID()
    const { plain, hash: tokenHash, code } = deriveMailSecret(tx.services, tx.project, 'register', id)
    const hashes = {
      keyHash: emailKey(tx, email),
      tokenHash,
      codeHash: hashCode(tx, 'register', email, code),
    }
    await insertRegistration(tx.store, { id, ...hashes, lifetimeSeconds })
    if (delivery === 'app') return plain
    const details = { frontEnd, ...(asked.locale ? { locale: asked.locale } : {}) }
    await queueMailToAddress(tx.store, { id, email, kind: 'register', details })
    return null
  })
}

/**
 * Mints the secrets of mails that are about to be sent, and starts the lifetime of each.
 * @returns secrets by the mail's id; a mail without an entry must not be sent: its address was proven or the mail replaced
 */
export async function mintForRegistrations(
  services: Services,
  mails: readonly { readonly id: string; readonly project: Project }[],
): Promise<Map<string, MailSecrets>> {
  const minted = new Map<string, MailSecrets>()
  for (const { id, project } of mails) {
    const lifetimeSeconds = project.policy.verification.lifetime_seconds
    const { plain: token, code } = deriveMailSecret(services, project, 'register', id)
    if (await renewRegistration(services.stores.forProject(project.id), id, lifetimeSeconds))
      minted.set(id, { token, code, lifetimeSeconds })
  }
  return minted
}

/** Whether a token would prove its address now. */
export function isRegistrationOpen(ctx: Context, token: string): Promise<boolean> {
  return isTokenOpen(ctx.store, hashSecret(token))
}

/**
 * Proves an address by token or code, once. The client that proved it can create the account for `provenSeconds`.
 * @throws AuthError invalid_verification_token, invalid_verification_code, too_many_attempts
 */
export async function proveRegistration(ctx: Context, given: Proof): Promise<void> {
  const window = { seconds: provenSeconds, provenBy: addressKey(ctx) }
  await withProof(ctx, given, async (proof) =>
    'token' in proof
      ? markRegistrationProven(ctx.store, hashSecret(proof.token), window.seconds, window.provenBy)
      : markRegistrationProvenByCode(
          ctx.store,
          emailKey(ctx, proof.email),
          hashCode(ctx, 'register', proof.email, proof.code),
          maxCodeAttempts,
          window,
        ),
  )
}

/**
 * Creates the verified account of an address and consumes its proof. Opens no session. The proof is the mail's token or short
 * code, or this client's proof within the last `provenSeconds`. Notifies the owner by mail.
 * @param verificationCode the token or the short code of the mail; null: none
 * @throws AuthError sign_up_closed, password_refused, address_unproven, invalid_verification_code, too_many_attempts,
 *   email_taken (the proof stays), overloaded
 */
export async function completeRegistration(
  ctx: Context,
  facts: SignUpFacts,
  verificationCode: string | null = null,
): Promise<UserRow> {
  mustAllowSignUp(ctx.project)
  await checkNewPassword(ctx, facts.password, facts)
  const email = normalizeEmail(facts.email)
  const isShort = verificationCode !== null && /^\d{6}$/.test(verificationCode)
  if (isShort) await proveRegistration(ctx, { email, code: verificationCode })
  const tokenHash = verificationCode === null || isShort ? null : hashSecret(verificationCode)
  const proof = { keyHash: emailKey(ctx, email), provenBy: addressKey(ctx), tokenHash }
  // No hash is computed for a request without a proof.
  if (!(await isAddressProven(ctx.store, proof))) throw new AuthError('address_unproven')
  const proven = { ...newUser(facts, email, await hashPassword(ctx, facts.password)), emailVerified: true }
  return inTransaction(ctx, async (tx) => {
    if (!(await consumeProof(tx.store, proof))) throw new AuthError('address_unproven')
    await releaseDueAddress(tx.store, email)
    const user = await insertUser(tx.store, proven)
    if (!user) throw new AuthError('email_taken')
    await record(tx, 'signed_up', { userId: user.id })
    await record(tx, 'email_verified', { userId: user.id })
    // In case another person completed the registration before the one who proved the address.
    await notify(tx, 'account_opened', { user, details: shownCaller(tx.caller) })
    return user
  })
}
