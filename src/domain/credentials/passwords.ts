// Hashes and verifies passwords in bounded time, with the same work for accounts without a password.
import { randomBytes } from 'node:crypto'
import { costOfHash, decoyHash, verifyForeignHash } from '../../crypto/foreign/foreign-hashes.ts'
import {
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
import { onceLoaded } from '../../once.ts'
import type { Context } from '../context.ts'
import { AuthError } from '../errors.ts'
import { type Attempt, withAttempt } from '../throttling/lockout.ts'

export interface PasswordHashingOptions {
  /** Returns the binding that computes password hashes. It may load it when the first password is hashed. */
  readonly argon2: () => Promise<Argon2>
  readonly parameters: Argon2Parameters
  readonly scheduler: HashScheduler
}

export interface PasswordHashing extends PasswordHashingOptions {
  /**
   * An additional scheduler for projects with imported kinds of hashes. It has one slot less, so that these hashes, which may
   * take seconds each, leave one slot to the other projects.
   */
  readonly importedScheduler: HashScheduler
  /** Returns the hash that is verified for accounts without one. A process that serves requests awaits it when it starts. */
  readonly decoy: () => Promise<string>
}

/** Creates the hashing service. Loads and computes nothing yet. */
export function createPasswordHashing(options: PasswordHashingOptions): PasswordHashing {
  const { argon2, parameters, scheduler } = options
  const decoy = onceLoaded(async () => (await argon2()).hash(randomBytes(32), parameters))
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

/** The form in which a password fits a hash: normalized as we hash it, or only as typed, as other services hash it. */
export type PasswordFit = 'normalized' | 'as_typed'

/**
 * Compares a password with the hash of an account, in one slot. A refusal takes the same work whether or not there is an
 * account: one of our hashes and one of each kind in the policy's `import.password_kinds`, each once for every form of the
 * password (two forms if NFKC changes it).
 * @param hash PHC string; null: there is no account, or it has no password
 * @returns null if the password does not fit
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

/**
 * Does the rest of the work that every refusal in this project takes.
 * @param done the cost of the foreign hash that was verified; null: one of ours was
 */
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

/** Whether a password fits a hash, as `matchPassword`. @throws AuthError overloaded */
export async function verifyPassword(ctx: Context, hash: string | null, password: string): Promise<boolean> {
  return (await matchPassword(ctx, hash, password)) !== null
}

/**
 * Checks a password as a counted attempt, which it releases if the password fits.
 * @param given.hash null: the account has no password, and the check fails
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

/** Waits for a slot of the scheduler, which is shared fairly between projects and addresses. @throws AuthError overloaded */
async function acquireSlot({ services, project, caller }: Context): Promise<HashSlot> {
  const { scheduler, importedScheduler } = services.passwords
  const asker = { project: project.id, address: caller.address }
  const hasImported = project.policy.import.password_kinds.length > 0
  let imported: HashSlot | undefined
  try {
    if (hasImported) imported = await importedScheduler.acquire(asker)
    const slot = await scheduler.acquire(asker)
    const release = () => {
      slot.release()
      imported?.release()
    }
    return { release }
  } catch (error) {
    imported?.release()
    if (!(error instanceof HashQueueFull)) throw error
    throw new AuthError('overloaded', { retryAfterSeconds: error.retryAfterSeconds })
  }
}

/** Whether a hash that a password fits should be renewed: it has other parameters, or is of the text as typed. */
export function isOutdatedHash(ctx: Context, hash: string, fit: PasswordFit): boolean {
  return fit === 'as_typed' || !isCurrent(hash, ctx.services.passwords.parameters)
}
