// Sign-in by mail: a link, or a code that works only in the client that requested it.
//
// Known and unknown addresses get the same answer at the same cost: each request inserts a row, whose code can be tried, and
// only the mail shows whether there is an account. Access to the mailbox is enough to sign in here. If the holder of an
// account never proved its address, another person may have set it up, so that person's ways to sign in end first.
import { randomBytes, randomUUID } from 'node:crypto'
import { hashSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { deleteClaims } from '../../repositories/accounts/claims.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  findUserByEmail,
  insertUser,
  isHolderProven,
  lockUser,
  type UserRow,
} from '../../repositories/accounts/users.ts'
import {
  type FoundEmailSignIn,
  findEmailSignIn,
  insertEmailSignIn,
  renewEmailSignIn,
  useEmailSignIn,
  useEmailSignInByCode,
} from '../../repositories/credentials/email-sign-ins.ts'
import { isAddressRecoverable } from '../../repositories/credentials/verification-tokens.ts'
import { queueSignInMail } from '../../repositories/mail/mail-queue.ts'
import { shownCaller } from '../actor.ts'
import { record, recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction, type Services } from '../context.ts'
import {
  deriveMailSecret,
  hashCode,
  type MailSecrets,
  maxCodeAttempts,
  withProof,
} from '../credentials/mailed-tokens.ts'
import { authenticateByFirstFactor, authenticateNewAccount } from '../credentials/second-factor.ts'
import { refuseAccount } from '../credentials/sign-in.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { observeSignIn } from '../observer.ts'
import type { Project } from '../projects/projects.ts'
import { checkRedirect } from '../projects/redirects.ts'
import type { Grant } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'
import { signInCodeAttempt } from '../throttling/lockout.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'
import { evictForMailbox } from './recovery.ts'

/** Lifetime of link and code, from the sending of the mail. */
const lifetimeSeconds = 600

/** @throws AuthError email_sign_in_off */
function mustBeOn({ project }: Context): void {
  if (project.policy.email_sign_in === 'off') throw new AuthError('email_sign_in_off')
}

export interface RequestedEmailSignIn {
  /** UUID, without which the code of the mail does not work. */
  readonly flow: string
  /**
   * For an application that delivers mail itself and presented the project's secret, if the code would sign a user in; null
   * otherwise.
   */
  readonly code: string | null
}

/**
 * Requests a mail by which its recipient signs in.
 * @param asked.redirectTo the application's page to which the link leads on; null: the policy's, if it has one
 * @throws AuthError email_sign_in_off, redirect_not_allowed
 */
export async function requestEmailSignIn(
  ctx: Context,
  asked: { readonly email: string; readonly redirectTo: string | null },
): Promise<RequestedEmailSignIn> {
  mustBeOn(ctx)
  const redirectTo = checkRedirect(ctx.project, asked.redirectTo)
  const email = normalizeEmail(asked.email)
  const { email_sign_in, verification } = ctx.project.policy
  const isForAnyone = email_sign_in === 'sign_up'
  return inTransaction(ctx, async (tx) => {
    const flow = randomUUID()
    const { hash, code } = deriveMailSecret(tx.services, tx.project, 'sign_in', flow)
    const isByApp = verification.delivery === 'app'
    const isDelivered = isByApp
      ? tx.caller.provesProject
      : (await takeMailCap(tx, 'sign_in_code', { email })) === 0
    // A token that is not delivered must not work: it could only be guessed, and the owner would not notice.
    const tokenHash = isDelivered ? hash : randomBytes(hash.length)
    const kept = isDelivered ? hashCode(tx, 'sign_in', email, code, flow) : randomBytes(hash.length)
    const row = { id: flow, email, redirectTo, tokenHash, codeHash: kept, lifetimeSeconds }
    await insertEmailSignIn(tx.store, row)
    if (isByApp) {
      const user = isDelivered ? await findUserByEmail(tx.store, email) : null
      return { flow, code: isDelivered && (user ? !user.disabledAt : isForAnyone) ? code : null }
    }
    const mail = { id: flow, email, details: shownCaller(tx.caller) }
    if (isDelivered) await queueSignInMail(tx.store, mail, isForAnyone)
    return { flow, code: null }
  })
}

/**
 * Mints the secrets of mails that are about to be sent, and starts the lifetime of each.
 * @returns secrets by the mail's id; a mail without an entry must not be sent: its sign-in was used or has ended
 */
export async function mintForEmailSignIns(
  services: Services,
  mails: readonly { readonly id: string; readonly project: Project }[],
): Promise<Map<string, MailSecrets>> {
  const minted = new Map<string, MailSecrets>()
  for (const { id, project } of mails) {
    const { plain: token, code } = deriveMailSecret(services, project, 'sign_in', id)
    if (await renewEmailSignIn(services.stores.forProject(project.id), id, lifetimeSeconds))
      minted.set(id, { token, code, lifetimeSeconds })
  }
  return minted
}

/** Finds the open sign-in of a link without changing it; null: the link does not work. */
export function findOpenEmailSignIn(ctx: Context, token: string): Promise<FoundEmailSignIn | null> {
  return findEmailSignIn(ctx.store, { tokenHash: hashSecret(token) })
}

/** The token of the link, or the code with the flow of its request. */
export type EmailSignInProof = { readonly token: string } | { readonly flow: string; readonly code: string }

/**
 * Opens a session with the proof of a mail, once. Creates the account first if there is none and the policy allows it.
 * @throws AuthError email_sign_in_off, invalid_verification_token, invalid_verification_code, too_many_attempts; after a right
 *   proof account_disabled, second_factor_required
 */
export function signInByEmail(ctx: Context, given: EmailSignInProof): Promise<Grant> {
  mustBeOn(ctx)
  return observeSignIn(ctx.services.observer, 'email', prove(ctx, given))
}

async function prove(ctx: Context, given: EmailSignInProof): Promise<Grant> {
  const isToken = 'token' in given
  const by = isToken ? { tokenHash: hashSecret(given.token) } : { id: given.flow }
  const found = await findEmailSignIn(ctx.store, by)
  if (!found) {
    const code = isToken ? 'invalid_verification_token' : 'invalid_verification_code'
    await recordRefusal(ctx, 'proof_refused', code)
    throw new AuthError(code)
  }
  const { id, email } = found
  const entered = await withProof(
    ctx,
    isToken ? given : { email, code: given.code },
    () =>
      inTransaction(ctx, async (tx) => {
        const isRight = isToken
          ? await useEmailSignIn(tx.store, id)
          : await useEmailSignInByCode(
              tx.store,
              id,
              hashCode(tx, 'sign_in', email, given.code, id),
              maxCodeAttempts,
            )
        return isRight ? openForAddress(tx, email) : null
      }),
    signInCodeAttempt,
  )
  // A refusal after a right proof is thrown after the commit, because the proof is used.
  if (entered instanceof AuthError) throw entered
  return entered
}

/** Opens a session for an address whose mailbox was proven. @returns null if there is no account, or its address has changed */
async function openForAddress(tx: Context, email: string): Promise<Grant | AuthError | null> {
  const user = await findAndLock(tx, email)
  if (!user) return signUp(tx, email)
  return enterAccount(tx, user, email)
}

async function findAndLock(tx: Context, email: string): Promise<UserRow | null> {
  const found = await findUserByEmail(tx.store, email)
  return found && lockUser(tx.store, found.id)
}

async function enterAccount(tx: Context, user: UserRow, email: string): Promise<Grant | AuthError | null> {
  if (user.email !== email) return null
  if (user.disabledAt) return refuseAccount(tx, user)
  const owner = isHolderProven(user) ? user : await evict(tx, user)
  const authenticated = await authenticateByFirstFactor(tx, { user: owner, amr: ['otp'], byMail: true })
  return authenticated instanceof AuthError ? authenticated : openSession(tx, authenticated, 'signed_in')
}

/** Ends the ways to sign in that another person may have set up. @returns the account as it is then */
async function evict(tx: Context, user: UserRow): Promise<UserRow> {
  const ended = await evictForMailbox(tx, user)
  const owner = await lockUser(tx.store, user.id)
  if (!owner) throw new Error('An account that is locked is gone.')
  await notify(tx, 'mailbox_entered', { user: owner, details: { ...shownCaller(tx.caller), ...ended } })
  return owner
}

async function signUp(tx: Context, email: string): Promise<Grant | AuthError | null> {
  if (tx.project.policy.email_sign_in !== 'sign_up') return null
  // An account changed its address from this one within days, and a mail that was sent to it can undo the change.
  if (await isAddressRecoverable(tx.store, email)) return null
  await releaseDueAddress(tx.store, email)
  const fresh = { uuid: randomUUID(), email, passwordHash: null, emailVerified: true }
  const user = await insertUser(tx.store, fresh)
  if (!user) {
    // A concurrent sign-in by another mail created the account.
    const made = await findAndLock(tx, email)
    return made && enterAccount(tx, made, email)
  }
  // Earlier claims on the address are void.
  await deleteClaims(tx.store, email)
  await record(tx, 'email_verified', { userId: user.id })
  return openSession(tx, authenticateNewAccount(user, ['otp']), 'signed_up')
}
