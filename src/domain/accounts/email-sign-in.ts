// Sign-in by mail: a link, or a code that works only where it was asked for.
//
// Known and unknown addresses get the same answer at the same cost: each request makes a row, whose code can be tried, and only the
// mail knows whether there is an account. The mailbox alone opens the account here, so what another person may have set up in an
// account whose holder never proved the address ends first.
import { randomBytes, randomUUID } from 'node:crypto'
import { deriveSecret, hashSecret } from '../../crypto/secrets.ts'
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
import { hashCode, type MailSecrets, maxCodeAttempts, withProof } from '../credentials/mailed-tokens.ts'
import { enter, enterNewAccount } from '../credentials/second-factor.ts'
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

/** For how long link and code work, from when the mail is sent. */
const lifetimeSeconds = 600

const codeHash = ({ services, project }: Context, email: string, code: string, flow: string) =>
  hashCode(services.keys.lookup, project, 'sign_in', email, code, flow)

/** Token and code follow from the flow, so that a mail which is sent twice carries the same. */
const derive = ({ keys }: Services, project: Project, flow: string) =>
  deriveSecret('verification', keys.mail, project.id, 'sign_in', flow)

/** @throws AuthError email_sign_in_off */
function mustBeOn({ project }: Context): void {
  if (project.policy.email_sign_in === 'off') throw new AuthError('email_sign_in_off')
}

export interface RequestedEmailSignIn {
  /** UUID: with it alone the code of the mail works. */
  readonly flow: string
  /** For an application that delivers mail itself and proved itself, where there is somebody to sign in; null otherwise. */
  readonly code: string | null
}

/**
 * Asks for the mail that signs its reader in.
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
    const { hash, code } = derive(tx.services, tx.project, flow)
    const isByApp = verification.delivery === 'app'
    const isDelivered = isByApp
      ? tx.caller.provesProject
      : (await takeMailCap(tx, 'sign_in_code', { email })) === 0
    // What nobody is sent opens nothing: it could only be guessed, and its owner would never hear of it.
    const tokenHash = isDelivered ? hash : randomBytes(hash.length)
    const kept = isDelivered ? codeHash(tx, email, code, flow) : randomBytes(hash.length)
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
 * Mints for mails that are about to be sent, and starts the lifetime of each.
 * @returns secrets by the mail's id; a mail without an entry was used or ended meanwhile
 */
export async function mintForEmailSignIns(
  services: Services,
  mails: readonly { readonly id: string; readonly project: Project }[],
): Promise<Map<string, MailSecrets>> {
  const minted = new Map<string, MailSecrets>()
  for (const { id, project } of mails) {
    const { plain: token, code } = derive(services, project, id)
    if (await renewEmailSignIn(services.stores.forProject(project.id), id, lifetimeSeconds))
      minted.set(id, { token, code, lifetimeSeconds })
  }
  return minted
}

/** What a link would open now; changes nothing. Null: it is dead. */
export function findOpenEmailSignIn(ctx: Context, token: string): Promise<FoundEmailSignIn | null> {
  return findEmailSignIn(ctx.store, { tokenHash: hashSecret(token) })
}

/** The token of the link, or the code with the flow that asked for it. */
export type EmailSignInProof = { readonly token: string } | { readonly flow: string; readonly code: string }

/**
 * Opens a session for the reader of the mail, once; in a project whose policy says so, makes the account first.
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
          : await useEmailSignInByCode(tx.store, id, codeHash(tx, email, given.code, id), maxCodeAttempts)
        return isRight ? open(tx, email) : null
      }),
    signInCodeAttempt,
  )
  // A refusal after a right proof is thrown once the use of the proof is committed.
  if (entered instanceof AuthError) throw entered
  return entered
}

/** Opens the account of an address whose mailbox was proven. @returns null: there is none, or it changed meanwhile */
async function open(tx: Context, email: string): Promise<Grant | AuthError | null> {
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
  const entrance = await enter(tx, { user: owner, amr: ['otp'], byMail: true })
  return entrance instanceof AuthError ? entrance : openSession(tx, entrance, 'signed_in')
}

/** The account as it is once nothing of another person opens it. */
async function evict(tx: Context, user: UserRow): Promise<UserRow> {
  const ended = await evictForMailbox(tx, user)
  const owner = await lockUser(tx.store, user.id)
  if (!owner) throw new Error('An account that is locked is gone.')
  await notify(tx, 'mailbox_entered', { user: owner, details: { ...shownCaller(tx.caller), ...ended } })
  return owner
}

async function signUp(tx: Context, email: string): Promise<Grant | AuthError | null> {
  if (tx.project.policy.email_sign_in !== 'sign_up') return null
  // It was an account's until a change within days, and may be brought back by a mail that was sent to it.
  if (await isAddressRecoverable(tx.store, email)) return null
  await releaseDueAddress(tx.store, email)
  const fresh = { uuid: randomUUID(), email, passwordHash: null, emailVerified: true }
  const user = await insertUser(tx.store, fresh)
  if (!user) {
    // Another of its mails was faster by a moment.
    const made = await findAndLock(tx, email)
    return made && enterAccount(tx, made, email)
  }
  // What was claimed on the address before belongs to nobody now.
  await deleteClaims(tx.store, email)
  await record(tx, 'email_verified', { userId: user.id })
  return openSession(tx, enterNewAccount(user, ['otp']), 'signed_up')
}
