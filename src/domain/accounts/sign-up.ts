// Sign-up: creates an account, or a claim if the policy demands proof of the address.
import { randomUUID } from 'node:crypto'
import { normalizeEmail } from '../../formats.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  insertUser,
  newProfile,
  type ProfileChange,
  type UserRow,
  userExists as userRowExists,
} from '../../repositories/accounts/users.ts'
import { isAddressTaken } from '../../repositories/credentials/verification-tokens.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { hashClaimedPassword } from '../credentials/claims.ts'
import { checkNewPassword } from '../credentials/password-rules.ts'
import { hashPassword } from '../credentials/passwords.ts'
import { authenticateNewAccount } from '../credentials/second-factor.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { mustAllowSignUp } from '../projects/projects.ts'
import type { Grant } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'
import { openClaim } from './claims.ts'

export interface SignUpFacts extends ProfileChange {
  readonly email: string
  readonly password: string
}

interface VerificationRequired {
  readonly kind: 'verification_required'
  readonly user: UserRow
  /** For an application that delivers mail itself and presented the project's secret; null otherwise. */
  readonly verificationToken: string | null
}

export type SignUpResult = { readonly kind: 'signed_in'; readonly grant: Grant } | VerificationRequired

/**
 * Creates an account and a session, or a claim if the policy demands verification.
 * @throws AuthError sign_up_closed, password_refused, email_taken (never where the policy demands verification), overloaded
 */
export async function signUp(ctx: Context, facts: SignUpFacts): Promise<SignUpResult> {
  mustAllowSignUp(ctx.project)
  await checkNewPassword(ctx, facts.password, facts)
  if (ctx.project.policy.verification.mode === 'strict') return signUpStrictly(ctx, facts)
  const grant = await signUpOpenly(ctx, facts, (tx, user) =>
    openSession(tx, authenticateNewAccount(user, ['pwd']), 'signed_up'),
  )
  return { kind: 'signed_in', grant }
}

/** Creates an account without a session. @throws AuthError as `signUp` */
export async function register(ctx: Context, facts: SignUpFacts): Promise<UserRow> {
  mustAllowSignUp(ctx.project)
  await checkNewPassword(ctx, facts.password, facts)
  if (ctx.project.policy.verification.mode === 'strict') return (await signUpStrictly(ctx, facts)).user
  return signUpOpenly(ctx, facts, async (tx, user) => {
    await record(tx, 'signed_up', { userId: user.id })
    return user
  })
}

export function userExists(ctx: Context, uuid: string): Promise<boolean> {
  return userRowExists(ctx.store, uuid)
}

/**
 * Creates an account where verification is not demanded.
 * @param begin runs in the same transaction; its result is returned
 * @throws AuthError email_taken, overloaded
 */
async function signUpOpenly<T>(
  ctx: Context,
  facts: SignUpFacts,
  begin: (tx: Context, user: UserRow) => Promise<T | null>,
): Promise<T> {
  const email = normalizeEmail(facts.email)
  // Also taken: an address that an account changed within days, because the owner of its mailbox can undo that change.
  if (await isAddressTaken(ctx.store, email)) throw new AuthError('email_taken')
  const fresh = newUser(facts, email, await hashPassword(ctx, facts.password))
  const begun = await inTransaction(ctx, async (tx) => {
    let user = await insertUser(tx.store, fresh)
    if (!user) {
      // Taken, or held by an account whose deletion is due.
      await releaseDueAddress(tx.store, email)
      user = await insertUser(tx.store, fresh)
    }
    if (!user) return null
    if (ctx.project.policy.verification.mode === 'lenient') await notify(tx, 'verify_email', { user })
    return begin(tx, user)
  })
  if (!begun) throw new AuthError('email_taken')
  return begun
}

/** Opens a claim where verification is demanded. Answer, statements and cost are the same whether or not the address is taken. */
async function signUpStrictly(ctx: Context, facts: SignUpFacts): Promise<VerificationRequired> {
  const email = normalizeEmail(facts.email)
  const passwordHash = await hashClaimedPassword(ctx, email, facts.password)
  const claim = { ...newProfile(facts), email, passwordHash }
  const { user, token } = await inTransaction(ctx, (tx) => openClaim(tx, claim))
  return { kind: 'verification_required', user, verificationToken: token }
}

/** The row of a new account. `facts` may be a request's body, so only named fields are copied: it can set no role. */
export function newUser(facts: SignUpFacts, email: string, passwordHash: string) {
  return { uuid: randomUUID(), email, passwordHash, ...newProfile(facts) }
}
