// Lockout: failed attempts are counted in buckets, and each attempt is counted before its password or code is checked.
import { randomUUID } from 'node:crypto'
import { keyedHash } from '../../crypto/secrets.ts'
import type { UserWithPassword } from '../../repositories/accounts/users.ts'
import { queueMailByEmail } from '../../repositories/mail/mail-queue.ts'
import { beginSignIn } from '../../repositories/sessions/sign-in.ts'
import { takeCooldown } from '../../repositories/throttling/cooldowns.ts'
import {
  type BucketKey,
  type Counted,
  type CountedAttempt,
  findLockWait,
  releaseAttempt,
  reserveAttempt,
  type Thresholds,
} from '../../repositories/throttling/sign-in-failures.ts'
import { shownCaller } from '../actor.ts'
import { recordInLog, recordRefusal } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { addressKey, emailKey } from './keys.ts'
import { takeMailCap } from './mail-cap.ts'

/** The per-account and per-address buckets allow this many times the failures of the per-pair bucket. */
const looseFactor = 20

/** Wrong short codes that an account may get in an hour, over all codes that it is sent, and over all of its second factors. */
const codeThresholds: Thresholds = { strict: 10, loose: 10, windowSeconds: 3600, baseSeconds: 3600 }

/** Between two mails about failed attempts on one account. */
const noticeSeconds = 3600

/** What a reserved attempt counted, and what it found. */
interface Reserved<Found> extends Counted {
  readonly found: Found
}

/** One attempt to prove a password or a code: `reserve` it, check, then `commit` or `release` it. */
export class Attempt<Found = void> {
  /** For a statement that releases it along with other work. */
  readonly counted: CountedAttempt
  readonly #ctx: Context
  readonly #subject: AttemptSubject
  /** Null: a bucket is locked, and nothing was counted. */
  readonly #reserve: () => Promise<Reserved<Found> | null>
  /** Whether this attempt locks a bucket if it fails. */
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

  /** Names the account and address; attempts with one key are limited together. */
  get key(): string {
    const strict = this.counted.keys.find(({ bucket }) => bucket === 'account_address' || bucket === 'code')
    return `${this.#ctx.project.id} ${strict?.keyHash.toString('base64')}`
  }

  /** Counts the attempt. @throws AuthError too_many_attempts; then nothing was counted, and the log has it */
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
   * It failed and stays counted. The row of the log is on the disk, and with it the count, before the refusal is told: both
   * outlive a crash of the database.
   */
  async commit(reason: string): Promise<void> {
    this.isUndecided = false
    const { event, email } = this.#subject
    await recordRefusal(this.#ctx, event, reason, { email })
    if (this.#isLast) await tellLockout(this.#ctx, this.#subject)
  }

  /** Takes it back; `succeeded` also forgets earlier failures of this account from this address. */
  async release(outcome: 'succeeded' | 'undecided'): Promise<void> {
    this.isUndecided = false
    await releaseAttempt(this.#ctx.store, this.counted, outcome === 'succeeded')
  }
}

/** Whose password or code is tried, and the name of its refusal in the log. */
interface AttemptSubject {
  readonly email: string
  readonly event: 'sign_in_refused' | 'reauthentication_refused' | 'proof_refused' | 'second_factor_refused'
}

/**
 * An attempt to sign in to the account behind an address; `reserve` finds that account, or null, in the same statement,
 * which looks up whether the account has signed in from this address unless `addressKnown`.
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
 * An attempt to prove the password of an account that has been found. The account's own bucket never refuses an address
 * that the account has signed in from (`addressKnown`): a stranger cannot lock its owner out.
 */
export function passwordAttempt(ctx: Context, email: string, addressKnown: boolean): Attempt {
  const subject = { email, event: 'reauthentication_refused' } as const
  return attemptOf(ctx, subject, countPassword(ctx, email, addressKnown))
}

/** An attempt to type a short code for the account behind an address, whether or not there is one. */
export function codeAttempt(ctx: Context, email: string): Attempt {
  const keys: BucketKey[] = [{ bucket: 'code', keyHash: emailKey(ctx, email) }]
  const counted = { keys, thresholds: codeThresholds, accountExempt: false }
  return attemptOf(ctx, { email, event: 'proof_refused' }, counted)
}

/**
 * An attempt to type the code of a sign-in mail, counted for the account and the client's address together: a stranger may ask for
 * such mails, and locks nobody else out. Each code ends by itself after a few.
 */
export function signInCodeAttempt(ctx: Context, email: string): Attempt {
  const keyHash = keyedHash(ctx.services.keys.lookup, 'sign-in code', email, ctx.caller.address)
  const keys: BucketKey[] = [{ bucket: 'account_address', keyHash }]
  const counted = { keys, thresholds: codeThresholds, accountExempt: false }
  return attemptOf(ctx, { email, event: 'proof_refused' }, counted)
}

/**
 * An attempt to type the code of a second factor for an account, over all its challenges and sessions, or of a step-up. Only who has
 * proven the first factor makes one, so a stranger locks nobody out; they count apart from the codes of mails for the same reason.
 */
export function factorAttempt(ctx: Context, email: string): Attempt {
  const keyHash = keyedHash(ctx.services.keys.lookup, 'second factor', email)
  const counted = {
    keys: [{ bucket: 'code' as const, keyHash }],
    thresholds: codeThresholds,
    accountExempt: false,
  }
  return attemptOf(ctx, { email, event: 'second_factor_refused' }, counted)
}

function attemptOf(ctx: Context, subject: AttemptSubject, counted: CountedAttempt): Attempt {
  return new Attempt(ctx, subject, counted, async () => {
    const reserved = await reserveAttempt(ctx.store, counted)
    return reserved && { ...reserved, found: undefined }
  })
}

/** Whether an attempt locks the code, the pair of account and address, or the account, first in its window. */
function reachesThreshold({ thresholds }: CountedAttempt, attempts: Counted['attempts']): boolean {
  const strict = attempts.account_address ?? attempts.code
  return strict === thresholds.strict || attempts.account === thresholds.loose
}

const methods: Readonly<Record<AttemptSubject['event'], string>> = {
  sign_in_refused: 'password',
  reauthentication_refused: 'password',
  proof_refused: 'code',
  second_factor_refused: 'second_factor',
}

/**
 * Logs that a lock began, and tells the owner of a proven address, at most once in an hour: the same statements whether or
 * not the address has an account.
 */
async function tellLockout(ctx: Context, { email, event }: AttemptSubject): Promise<void> {
  const method = methods[event]
  await recordInLog(ctx, 'sign_in_locked', { email, details: { method } })
  if (ctx.project.policy.verification.delivery !== 'email') return
  if ((await takeCooldown(ctx.store, 'sign_in_failures', emailKey(ctx, email), noticeSeconds)) > 0) return
  if ((await takeMailCap(ctx, 'sign_in_failures', { email, isProven: true })) > 0) return
  const details = shownCaller(ctx.caller)
  await queueMailByEmail(ctx.store, { id: randomUUID(), email, kind: 'sign_in_failures', details })
}

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

/** Decides a reserved attempt whose work threw: a refusal commits it, unless the check could not be done. */
export async function failAttempt(attempt: Attempt<unknown>, error: unknown): Promise<void> {
  if (!attempt.isUndecided || !(error instanceof AuthError)) return
  await (error.code === 'overloaded' ? attempt.release('undecided') : attempt.commit(error.reason))
}

/**
 * Waits until an attempt may begin. Attempts on one account from one address are limited to as many as may fail, so that
 * many right ones at once are never taken for guesses.
 * @throws AuthError overloaded
 */
export function acquireAttempt(ctx: Context, attempt: Attempt<unknown>): Promise<{ release(): void }> {
  return ctx.services.attempts.acquire(attempt.key, attempt.counted.thresholds.strict)
}

/**
 * Reserves an attempt and runs `work`, which releases it where it succeeds; `failAttempt` decides it where it throws.
 * @throws AuthError too_many_attempts, overloaded; and what `work` throws
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
