// Passwords: hashed and verified in bounded time, with the same work for accounts that have none.
import { randomBytes } from 'node:crypto'
import { costOfHash, decoyHash, verifyForeignHash } from '../../crypto/foreign/foreign-hashes.ts'
import {
  type Asker,
  createHashScheduler,
  HashQueueFull,
  type HashScheduler,
  type HashSlot,
} from '../../crypto/hash-scheduler.ts'
import {
  type Argon2,
  type Argon2Parameters,
  candidateBytes,
  isCurrent,
  passwordBytes,
} from '../../crypto/passwords.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { type Attempt, withAttempt } from '../throttling/lockout.ts'

export interface PasswordHashingOptions {
  /** The binding that computes password hashes; a function loads it when the first password is hashed. */
  readonly argon2: Promise<Argon2> | (() => Promise<Argon2>)
  readonly parameters: Argon2Parameters
  readonly scheduler: HashScheduler
}

export interface PasswordHashing extends PasswordHashingOptions {
  /**
   * What projects with imported kinds of hashes wait for first. It has a slot less than there are, so that those hashes, which may
   * take seconds each, leave one to the other projects.
   */
  readonly importedScheduler: HashScheduler
  readonly argon2: () => Promise<Argon2>
  /** The hash that is checked where an account has none; a process that serves requests awaits it when it starts. */
  readonly decoy: () => Promise<string>
}

/** Prepares password hashing; loads nothing and computes nothing yet. */
export function createPasswordHashing(options: PasswordHashingOptions): PasswordHashing {
  const { argon2: given, parameters, scheduler } = options
  let loaded: Promise<Argon2> | undefined
  let hashed: Promise<string> | undefined
  function argon2(): Promise<Argon2> {
    loaded ??= typeof given === 'function' ? given() : given
    return loaded
  }
  function decoy(): Promise<string> {
    hashed ??= argon2().then((binding) => binding.hash(randomBytes(32), parameters))
    return hashed
  }
  const importedScheduler = createHashScheduler({ slots: Math.max(1, scheduler.slots - 1) })
  return { parameters, scheduler, importedScheduler, argon2, decoy }
}

/**
 * Hashes a new password.
 * @param salt 16 bytes; default: new random ones
 * @returns a PHC string
 * @throws AuthError overloaded
 */
export async function hashPassword(ctx: Context, password: string, salt?: Buffer): Promise<string> {
  const { argon2, parameters } = ctx.services.passwords
  const binding = await argon2()
  const slot = await acquireSlot(ctx)
  try {
    return await binding.hash(passwordBytes(password), parameters, salt)
  } finally {
    slot.release()
  }
}

/** How a password fits a PHC string: in the form in which we hash, or only as it was typed, as other services hash. */
export type PasswordFit = 'normalized' | 'as_typed'

/**
 * Compares a password with the hash of an account, in one slot. A refusal takes the same work for every account, and where there is
 * none: one hash of ours, and one of each kind that the policy names as imported; each as often as the password has forms (one; two
 * where NFKC changes it).
 * @returns null where it does not fit
 * @throws AuthError overloaded
 */
export async function matchPassword(
  ctx: Context,
  hash: string | null,
  password: string,
): Promise<PasswordFit | null> {
  const { argon2, decoy } = ctx.services.passwords
  const { verify: verifyOurs } = await argon2()
  const phc = hash ?? (await decoy())
  const cost = hash === null || isCurrent(hash, ctx.services.passwords.parameters) ? null : costOfHash(hash)
  const verify = cost === null ? verifyOurs : verifyForeignHash
  const forms = candidateBytes(password)
  const slot = await acquireSlot(ctx)
  try {
    for (const [index, bytes] of forms.entries())
      if ((await verify(phc, bytes)) && hash !== null) return index === 0 ? 'normalized' : 'as_typed'
    await verifyDecoys(ctx, cost, forms)
    return null
  } finally {
    slot.release()
  }
}

/** Does the work that a refusal of this account has not taken yet, of all that a refusal in this project takes. */
async function verifyDecoys(ctx: Context, done: string | null, forms: readonly Buffer[]): Promise<void> {
  const { password_kinds: kinds } = ctx.project.policy.import
  if (kinds.length === 0) return
  const { argon2, decoy } = ctx.services.passwords
  for (const kind of kinds.filter((kind) => kind !== done)) {
    const stored = decoyHash(kind)
    for (const bytes of forms) if (stored) await verifyForeignHash(stored, bytes)
  }
  if (done === null) return
  const { verify } = await argon2()
  for (const bytes of forms) await verify(await decoy(), bytes)
}

/** Whether a password fits a PHC string. @throws AuthError overloaded */
export async function verifyPassword(ctx: Context, hash: string | null, password: string): Promise<boolean> {
  return (await matchPassword(ctx, hash, password)) !== null
}

/**
 * Checks a password as an attempt to sign in, which it releases where the password fits.
 * @param given.hash null: the account has none, and none fits
 * @throws AuthError `refusal`, too_many_attempts, overloaded
 */
export function checkPassword(
  ctx: Context,
  attempt: Attempt,
  { hash, password }: { readonly hash: string | null; readonly password: string },
  refusal: 'wrong_current_password' | 'wrong_password',
): Promise<void> {
  return withAttempt(ctx, attempt, async () => {
    if (!(await verifyPassword(ctx, hash, password))) throw new AuthError(refusal)
    await attempt.release('succeeded')
  })
}

/** Waits for a slot of the scheduler, which is fair between projects and addresses. @throws AuthError overloaded */
async function acquireSlot({ services, project, caller }: Context): Promise<HashSlot> {
  const { scheduler, importedScheduler } = services.passwords
  const asker = { project: project.id, address: caller.address }
  const hasImported = project.policy.import.password_kinds.length > 0
  const turn = hasImported ? await acquire(importedScheduler, asker) : null
  try {
    const slot = await acquire(scheduler, asker)
    const release = () => {
      slot.release()
      turn?.release()
    }
    return { release }
  } catch (error) {
    turn?.release()
    throw error
  }
}

async function acquire(scheduler: HashScheduler, asker: Asker): Promise<HashSlot> {
  try {
    return await scheduler.acquire(asker)
  } catch (error) {
    if (!(error instanceof HashQueueFull)) throw error
    throw new AuthError('overloaded', { retryAfterSeconds: error.retryAfterSeconds })
  }
}

/** Whether a hash that a password fits is not as we would make it: of other parameters, or of the text as it was typed. */
export function isOutdatedHash(ctx: Context, hash: string, fit: PasswordFit): boolean {
  return fit === 'as_typed' || !isCurrent(hash, ctx.services.passwords.parameters)
}
