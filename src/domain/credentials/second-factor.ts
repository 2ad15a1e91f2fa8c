// The way in: first factor → second factor, where one is due → session. Everything that opens a session asks `enter` first, which
// alone makes the value that a session is opened from.
//
// A second factor is due where the account has enrolled one, or the policy demands one. A browser that the account trusts is spared.
// Where none is enrolled, a mailed code is the second factor; it never stands in for an enrolled one, because the mailbox alone can
// set a password as well. A passkey completes any sign-in, but does not make a second factor due: browsers add one without asking,
// and a person without it at hand must still get in by their password.
import { randomUUID } from 'node:crypto'
import { hashSecret, mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import {
  countChallengeTry,
  type FoundChallenge,
  findChallenge,
  insertChallenge,
  useChallenge,
} from '../../repositories/credentials/second-factor-challenges.ts'
import { takeCooldown } from '../../repositories/throttling/cooldowns.ts'
import { shownCaller } from '../actor.ts'
import { recordRefusal } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { AuthError, type FactorMethod } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { observeSignIn } from '../observer.ts'
import { Authenticated, type AuthenticationMethod } from '../sessions/authenticated.ts'
import { type Grant, readAmr } from '../sessions/grants.ts'
import { openSession } from '../sessions/sessions.ts'
import { emailKey } from '../throttling/keys.ts'
import type { Attempt } from '../throttling/lockout.ts'
import {
  type FactorProof,
  usableFactors,
  verifyFactor,
  withFactorAttempt,
  withPasskeyOptions,
} from './factors.ts'
import { challengeSeconds, mintBoundCode } from './mailed-tokens.ts'
import { isTrustedDevice, trustDevice } from './trusted-devices.ts'

/** Wrong codes after which a challenge has ended. */
const maxTries = 5

/** What a person has proven first. */
export interface FirstFactor {
  /** As it was read; disabled and unproven accounts have been refused. */
  readonly user: UserRow
  readonly amr: readonly AuthenticationMethod[]
  /** Whether it was the mailbox itself, which then is no second factor. Default: no. */
  readonly byMail?: boolean
  /** The id of the session that is to be opened; default: a random one. */
  readonly sessionId?: string
}

/** Whether more than a first factor is due, in a browser that the account does not trust. */
export function isSecondFactorDue({ project, caller }: Context, user: UserRow): boolean {
  const { factors, contracts } = project.policy
  if (caller.client !== 'canonical' && contracts.without_second_factor) return false
  if (user.secondFactors !== '' || factors.required === 'always') return true
  return factors.required === 'admins' && user.role === 'admin'
}

/**
 * Decides what is due after a right first factor. For an account that has no second factor, in a project that demands none, it
 * costs no statement.
 * @returns what a session is opened from; or a refusal with a challenge, to be thrown once the transaction is committed
 */
export async function enter(ctx: Context, first: FirstFactor): Promise<Authenticated | AuthError> {
  const { user, amr } = first
  if (!isSecondFactorDue(ctx, user)) return Authenticated.byOneFactor(user, amr)
  // The products' documents know no second factor, and no device that is trusted with it.
  if (ctx.caller.client !== 'canonical') return new AuthError('second_factor_required')
  if (await isTrustedDevice(ctx, user)) return Authenticated.byOneFactor(user, amr)
  const factors = await dueFactors(ctx, user, first.byMail)
  if (factors.length > 0) return challenge(ctx, first, factors)
  // The mailbox is all that this account has: its session is for enrolling a factor, as a sign-up's is.
  if ((await findPasswordHash(ctx.store, user.id)) === null) return Authenticated.byOneFactor(user, amr)
  return new AuthError('second_factor_required', { factors })
}

/** The way in of an account that was made in this request: it has no factor yet, and needs a session to enrol one. */
export const enterNewAccount = (user: UserRow, amr: readonly AuthenticationMethod[]): Authenticated =>
  Authenticated.byOneFactor(user, amr)

/**
 * The way in of an operator who has just set their password by a set-up link. The link, which another operator or the machine's log
 * handed out, is the second factor of an account that has enrolled none: its session is for enrolling one.
 */
export async function enterBySetupLink(ctx: Context, user: UserRow): Promise<Authenticated | AuthError> {
  if (user.secondFactors !== '') return enter(ctx, { user, amr: ['pwd'] })
  return Authenticated.byTwoFactors(user, ['pwd'], ['otp'])
}

/**
 * The way in of a person who goes on from one of their sessions to another: what was proven for it counts, and what is due since is
 * asked for.
 */
export async function enterBySession(
  ctx: Context,
  user: UserRow,
  session: Pick<Grant, 'amr' | 'acr'>,
): Promise<Authenticated | AuthError> {
  const amr = session.amr as AuthenticationMethod[]
  return session.acr === '2'
    ? Authenticated.bySession(user, { amr: amr.join(' '), acr: '2' })
    : enter(ctx, { user, amr, byMail: isByMailAlone(amr) })
}

/** A code is the first factor only where it was mailed: one of an authenticator makes a session of two. */
const isByMailAlone = (amr: readonly AuthenticationMethod[]): boolean => amr.join() === 'otp'

/** The way in by a factor that is two by itself: nothing more is due. */
export const enterByStrongFactor = (user: UserRow, amr: readonly AuthenticationMethod[]): Authenticated =>
  Authenticated.byStrongFactor(user, amr)

async function challenge(
  ctx: Context,
  { user, amr, byMail = false, sessionId }: FirstFactor,
  factors: readonly FactorMethod[],
): Promise<AuthError> {
  const { plain, hash: tokenHash } = mintSecret('challenge')
  const id = sessionId ?? randomUUID()
  const due = await withPasskeyOptions(ctx, { user, purpose: 'second_factor', boundTo: id }, factors)
  await insertChallenge(ctx.store, {
    ...{ id, userId: user.id, epoch: user.epoch, client: ctx.caller.client },
    ...{ tokenHash, amr: amr.join(' '), byMail, lifetimeSeconds: challengeSeconds },
  })
  return new AuthError('second_factor_required', { challenge: plain, ...due })
}

/** What may complete the sign-in. */
async function dueFactors(ctx: Context, user: UserRow, byMail = false): Promise<readonly FactorMethod[]> {
  const usable = await usableFactors(ctx, user)
  if (user.secondFactors !== '' || byMail || !ctx.project.policy.factors.email_code) return usable
  return [...usable, 'email_code']
}

/** @throws AuthError second_factor_invalid; the log has it */
async function mustFindChallenge(ctx: Context, token: string): Promise<FoundChallenge> {
  const found = await findChallenge(ctx.store, hashSecret(token), ctx.caller.client, maxTries)
  if (found) return found
  await recordRefusal(ctx, 'second_factor_refused', 'challenge_ended')
  throw new AuthError('second_factor_invalid')
}

/** A sign-in that both factors have opened. */
export interface Completed {
  readonly grant: Grant
  /** What the browser keeps, where it is to be trusted; null: nothing. */
  readonly device: { readonly token: string; readonly lifetimeSeconds: number } | null
}

/** What a client completes a sign-in with. */
export interface GivenFactor {
  readonly challenge: string
  readonly proof: FactorProof
  /** Whether this browser is to be trusted. */
  readonly trustDevice: boolean
}

/**
 * Completes a sign-in by its second factor. The try is counted for the challenge and for the account before it is checked; of
 * several at once with one code, one succeeds.
 * @throws AuthError second_factor_invalid, second_factor_method_refused, too_many_attempts, overloaded
 */
export function completeSecondFactor(ctx: Context, given: GivenFactor): Promise<Completed> {
  return observeSignIn(ctx.services.observer, 'second_factor', complete(ctx, given))
}

async function complete(ctx: Context, given: GivenFactor): Promise<Completed> {
  const found = await mustFindChallenge(ctx, given.challenge)
  const { user, challenge } = found
  const { proof } = given
  if (!(await dueFactors(ctx, user, challenge.byMail)).includes(proof.method))
    throw new AuthError('second_factor_method_refused')
  return withFactorAttempt(ctx, user, proof, async (attempt) => {
    if (!(await countChallengeTry(ctx.store, challenge.id, maxTries)))
      throw new AuthError('second_factor_invalid', {}, 'challenge_ended')
    const completed = await inTransaction(ctx, async (tx) => {
      const second = await verifyFactor(tx, { user, purpose: 'second_factor', boundTo: challenge.id }, proof)
      if (!second || !(await useChallenge(tx.store, challenge.id, maxTries))) return null
      return open(tx, found, second, { attempt, trusts: given.trustDevice })
    })
    if (!completed) throw new AuthError('second_factor_invalid', {}, `wrong_${proof.method}`)
    return completed
  })
}

async function open(
  tx: Context,
  { user, challenge }: FoundChallenge,
  second: readonly AuthenticationMethod[],
  { attempt, trusts }: { readonly attempt: Attempt | null; readonly trusts: boolean },
): Promise<Completed | null> {
  const first = readAmr(challenge) as AuthenticationMethod[]
  const authenticated = Authenticated.byTwoFactors(user, first, second)
  const grant = await openSession(tx, authenticated, 'signed_in', {
    id: challenge.id,
    ...(attempt && { attempt }),
  })
  if (!grant) return null
  return { grant, device: trusts ? await trustDevice(tx, user) : null }
}

/**
 * Mails the code that completes a sign-in of an account that has enrolled no factor. Within the cooldown nothing more is sent.
 * @returns the code, for an application that delivers mail itself and proved itself; null otherwise
 * @throws AuthError second_factor_invalid, second_factor_method_refused
 */
export async function requestSecondFactorCode(ctx: Context, token: string): Promise<string | null> {
  const { user, challenge } = await mustFindChallenge(ctx, token)
  if (!(await dueFactors(ctx, user, challenge.byMail)).includes('email_code'))
    throw new AuthError('second_factor_method_refused')
  const { resend_cooldown_seconds, delivery } = ctx.project.policy.verification
  return inTransaction(ctx, async (tx) => {
    const key = emailKey(tx, `${user.email} ${challenge.id}`)
    if ((await takeCooldown(tx.store, 'second_factor', key, resend_cooldown_seconds)) > 0) return null
    if (delivery === 'app')
      return tx.caller.provesProject ? mintBoundCode(tx, user, 'second_factor', challenge.id) : null
    const details = { ...shownCaller(tx.caller), challengeId: challenge.id }
    await notify(tx, 'second_factor_code', { user, details })
    return null
  })
}
