// Lockout: failed attempts are counted in buckets. Each attempt is counted before its password or code is checked.
import { keyedHash } from '../../crypto/secrets.ts'
import type { UserWithPassword } from '../../repositories/accounts/users.ts'
import { beginSignIn } from '../../repositories/sessions/sign-in.ts'
import {
  type BucketKey,
  type Counted,
  type CountedAttempt,
  findLockWait,
  releaseAttempt,
  reserveAttempt,
  type Thresholds,
} from '../../repositories/throttling/sign-in-failures.ts'
import { recordRefusal } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { addressKey, emailKey } from './keys.ts'
import { type AttemptSubject, reportLockout } from './lockout-notice.ts'

/** The per-account and per-address buckets allow this many times the failures of the per-pair bucket. */
const looseFactor = 20

/** Wrong codes for one account in an hour: over all mailed codes, and separately over all second factors. */
const codeThresholds: Thresholds = { strict: 10, loose: 10, windowSeconds: 3600, baseSeconds: 3600 }

/** The counts of a reserved attempt, and what its statement found. */
interface Reserved<Found> extends Counted {
  readonly found: Found
}

/** One attempt to prove a password or code: `reserve` it, check the password or code, then `commit` or `release` it. */
export class Attempt<Found = void> {
  /** For a statement that releases the attempt along with other work. */
  readonly counted: CountedAttempt
  readonly #ctx: Context
  readonly #subject: AttemptSubject
  /** Null: a bucket is locked, and nothing was counted. */
  readonly #reserve: () => Promise<Reserved<Found> | null>
  /** Whether this attempt reaches the threshold of a bucket, and so locks it if it fails. */
  #isLast = false
  /** Whether it is reserved, and neither committed nor released. */
  isUndecided = false

  constructor(
    ctx: Context,
    subject: AttemptSubject,
    counted: CountedAttempt,
    reserve: () => Promise<Reserved<Found> | null>,
  ) {
    this.#ctx = ctx
    this.#subject = subject
    this.counted = counted
    this.#reserve = reserve
  }

  /** Identifies account and address; concurrent attempts with one key are limited together. */
  get key(): string {
    const strict = this.counted.keys.find(({ bucket }) => bucket === 'account_address' || bucket === 'code')
    return `${this.#ctx.project.id} ${strict?.keyHash.toString('base64')}`
  }

  /** Counts the attempt. @throws AuthError too_many_attempts, after recording the refusal; then nothing was counted */
  async reserve(): Promise<Found> {
    const reserved = await this.#reserve()
    if (reserved) {
      this.isUndecided = true
      this.#isLast = reachesThreshold(this.counted, reserved.attempts)
      return reserved.found
    }
    const retryAfterSeconds = await findLockWait(this.#ctx.store, this.counted)
    const { event, email } = this.#subject
    await recordRefusal(this.#ctx, event, 'too_many_attempts', { email })
    throw new AuthError('too_many_attempts', { retryAfterSeconds })
  }

  /**
   * Keeps a failed attempt counted and records the refusal. The log row is flushed to disk before the refusal is answered,
   * and with it the count: both survive a crash of the database.
   */
  async commit(reason: string): Promise<void> {
    this.isUndecided = false
    const { event, email } = this.#subject
    await recordRefusal(this.#ctx, event, reason, { email })
    if (this.#isLast) await reportLockout(this.#ctx, this.#subject)
  }

  /** Uncounts the attempt. `succeeded` also resets the failures of this account from this address. */
  async release(outcome: 'succeeded' | 'undecided'): Promise<void> {
    this.isUndecided = false
    await releaseAttempt(this.#ctx.store, this.counted, outcome === 'succeeded')
  }
}

/**
 * An attempt to sign in to the account of an e-mail address. Its `reserve` reads the account, or null, in the same statement.
 * @param addressKnown whether the account is known to have signed in from the client's address; default: the statement looks
 *   it up
 */
export function signInAttempt(
  ctx: Context,
  email: string,
  addressKnown = false,
): Attempt<UserWithPassword | null> {
  const counted = countPassword(ctx, email, addressKnown)
  const reserve = () => beginSignIn(ctx.store, email, addressKey(ctx), counted)
  return new Attempt(ctx, { email, event: 'sign_in_refused' }, counted, reserve)
}

/**
 * An attempt to prove the password of a known account.
 * @param addressKnown whether the account has signed in from the client's address: then the account's own bucket does not refuse
 *   it, so that a stranger cannot lock the owner out
 */
export function passwordAttempt(ctx: Context, email: string, addressKnown: boolean): Attempt {
  const subject = { email, event: 'reauthentication_refused' } as const
  return attemptOf(ctx, subject, countPassword(ctx, email, addressKnown))
}

/** An attempt to enter a mailed code for an e-mail address, which need not have an account. */
export function codeAttempt(ctx: Context, email: string): Attempt {
  const key: BucketKey = { bucket: 'code', keyHash: emailKey(ctx, email) }
  return attemptOf(ctx, { email, event: 'proof_refused' }, countCode(key))
}

/**
 * An attempt to enter the code of a sign-in mail, counted for e-mail and client address together: anyone may request such
 * mails, and their failures must not lock the owner out. Each code also ends after a few wrong attempts.
 */
export function signInCodeAttempt(ctx: Context, email: string): Attempt {
  const keyHash = keyedHash(ctx.services.keys.lookup, 'sign-in code', email, ctx.caller.address)
  return attemptOf(ctx, { email, event: 'proof_refused' }, countCode({ bucket: 'account_address', keyHash }))
}

/**
 * An attempt to enter a code of a second factor or step-up, counted for the account over all its challenges and sessions. Only a
 * client that has proven the first factor makes one, so strangers cannot cause a lock. For the same reason it is counted apart
 * from mailed codes.
 */
export function factorAttempt(ctx: Context, email: string): Attempt {
  const keyHash = keyedHash(ctx.services.keys.lookup, 'second factor', email)
  return attemptOf(ctx, { email, event: 'second_factor_refused' }, countCode({ bucket: 'code', keyHash }))
}

function attemptOf(ctx: Context, subject: AttemptSubject, counted: CountedAttempt): Attempt {
  return new Attempt(ctx, subject, counted, async () => {
    const reserved = await reserveAttempt(ctx.store, counted)
    return reserved && { ...reserved, found: undefined }
  })
}

/** Whether an attempt is the one that reaches a threshold: of the code, the pair of account and address, or the account. */
function reachesThreshold({ thresholds }: CountedAttempt, attempts: Counted['attempts']): boolean {
  const strict = attempts.account_address ?? attempts.code
  return strict === thresholds.strict || attempts.account === thresholds.loose
}

const countCode = (key: BucketKey): CountedAttempt => ({
  keys: [key],
  thresholds: codeThresholds,
  accountExempt: false,
})

function countPassword(ctx: Context, email: string, accountExempt: boolean): CountedAttempt {
  const { lookup } = ctx.services.keys
  const { failures, window_seconds, base_seconds } = ctx.project.policy.lockout
  const keys: BucketKey[] = [
    { bucket: 'account', keyHash: emailKey(ctx, email) },
    { bucket: 'account_address', keyHash: keyedHash(lookup, 'pair', email, ctx.caller.address) },
    { bucket: 'address', keyHash: addressKey(ctx) },
  ]
  const thresholds: Thresholds = {
    strict: failures,
    loose: failures * looseFactor,
    windowSeconds: window_seconds,
    baseSeconds: base_seconds,
  }
  return { keys, thresholds, accountExempt }
}

/** Clears the failures of an account from this address, once its owner has set a new password. */
export async function clearPasswordFailures(ctx: Context, email: string): Promise<void> {
  const counted = countPassword(ctx, email, true)
  const keys = counted.keys.filter(({ bucket }) => bucket === 'account_address')
  await releaseAttempt(ctx.store, { ...counted, keys }, true)
}

/** Commits a reserved attempt after a refusal, and releases it if the check could not be made for overload. */
export async function failAttempt(attempt: Attempt<unknown>, error: unknown): Promise<void> {
  if (!attempt.isUndecided || !(error instanceof AuthError)) return
  await (error.code === 'overloaded' ? attempt.release('undecided') : attempt.commit(error.reason))
}

/**
 * Waits until an attempt may begin. Concurrent attempts on one account from one address are limited to the number that may fail,
 * so that many concurrent sign-ins with the right password do not lock the account.
 * @throws AuthError overloaded
 */
export function acquireAttempt(ctx: Context, attempt: Attempt<unknown>): Promise<{ release(): void }> {
  return ctx.services.attempts.acquire(attempt.key, attempt.counted.thresholds.strict)
}

/**
 * Reserves an attempt and runs `work`, which releases the attempt when it succeeds. If `work` throws, `failAttempt` decides.
 * @param work gets what `reserve` found
 * @throws AuthError too_many_attempts, overloaded; and the errors of `work`
 */
export async function withAttempt<Found, T>(
  ctx: Context,
  attempt: Attempt<Found>,
  work: (found: Found) => Promise<T>,
): Promise<T> {
  const turn = await acquireAttempt(ctx, attempt)
  try {
    return await work(await attempt.reserve())
  } catch (error) {
    await failAttempt(attempt, error)
    throw error
  } finally {
    turn.release()
  }
}
