// Lockout: failed sign-ins in three buckets, paid for before the password is checked.
import { keyedHash } from '../crypto/secrets.ts'
import type { BucketKey, Counted, Thresholds } from '../repositories/sign-in-failures.ts'
import type { Store } from '../repositories/store.ts'
import type { UserWithPassword } from '../repositories/users.ts'
import { AuthError } from './errors.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { createTurns } from './turns.ts'

/** How many times the strict bucket's failures the loose ones bear: one account from everywhere, one address at all. */
const looseFactor = 20

/** Wrong short codes an account bears in an hour, over all codes it is sent. */
const codeThresholds: Thresholds = { strict: 10, loose: 10, windowSeconds: 3600, baseSeconds: 3600 }

/** Attempts on one account from one address that may wait for their turn. */
const waiting = 256

/** One attempt: counted by `reserve`, then forgiven by `redeem`, kept by `keep` or taken back by `withdraw`. `Found`: what it is about. */
export interface Attempt<Found = void> {
  /** Names the account and address; attempts of one name take turns. */
  readonly key: string
  /** How many may be undecided at once: as many as may fail. */
  readonly width: number
  /** What is counted, for a statement that forgives it along with something else. */
  readonly counted: Counted
  /** @throws AuthError too_many_attempts; then nothing was counted */
  reserve(): Promise<Found>
  /** It succeeded: earlier failures of this account from this address are forgotten. */
  redeem(): Promise<void>
  /** It failed: that it was counted outlives a crash of the database, before anybody is told. */
  keep(): Promise<void>
  /** It was never decided, because the work could not be done: it does not count. */
  withdraw(): Promise<void>
}

interface Means {
  readonly store: Store
  /** Hashes addresses and e-mail addresses: the rows name nobody. */
  readonly lookupKey: Buffer
}

export function createLockout({ store, lookupKey }: Means) {
  const turns = createTurns(waiting)

  function attemptOn<Found>(
    project: Project,
    counted: Counted,
    pay: () => Promise<{ found: Found } | null>,
  ): Attempt<Found> {
    const narrow = counted.keys.find(({ bucket }) => bucket === 'account_address' || bucket === 'code')
    return {
      key: `${project.id} ${narrow?.keyHash.toString('base64')}`,
      width: counted.thresholds.strict,
      counted,
      async reserve() {
        const paid = await pay()
        if (paid) return paid.found
        const retryAfterSeconds = await store.signInFailures.waitSeconds(project.id, counted)
        throw new AuthError('too_many_attempts', { retryAfterSeconds })
      },
      redeem: () => store.signInFailures.giveBack(project.id, counted, true),
      keep: () => store.signInFailures.keep(project.id, counted),
      withdraw: () => store.signInFailures.giveBack(project.id, counted, false),
    }
  }

  /** Pays by the count alone, which is on the disk when it is paid. */
  const byCount = (project: Project, counted: Counted): Attempt => ({
    ...attemptOn(project, counted, async () =>
      (await store.signInFailures.reserve(project.id, counted)) ? { found: undefined } : null,
    ),
    keep: async () => {},
  })

  /** A password for the account behind an address, from a client's address. */
  function passwordCount(project: Project, email: string, address: string, accountExempt: boolean): Counted {
    const { failures, window_seconds, base_seconds } = project.policy.lockout
    const keys: BucketKey[] = [
      { bucket: 'account', keyHash: keyedHash(lookupKey, 'email', email) },
      { bucket: 'account_address', keyHash: keyedHash(lookupKey, 'pair', email, address) },
      { bucket: 'address', keyHash: keyedHash(lookupKey, 'address', address) },
    ]
    const thresholds: Thresholds = {
      strict: failures,
      loose: failures * looseFactor,
      windowSeconds: window_seconds,
      baseSeconds: base_seconds,
    }
    return { keys, thresholds, accountExempt }
  }

  /** The key under which a client's address is remembered: the one it is counted under. */
  const addressKey = (address: string): Buffer => keyedHash(lookupKey, 'address', address)

  /**
   * Pays for `attempt` and runs `work` on what it is about, which forgives the attempt where it succeeds; one that
   * could not be done at all is not counted. Attempts on one account from one address take turns, so that many right
   * ones at once are never taken for guesses: whoever waits is judged by what those before came to.
   * @throws AuthError too_many_attempts, overloaded, and whatever `work` throws
   */
  async function spend<Found, T>(attempt: Attempt<Found>, work: (found: Found) => Promise<T>): Promise<T> {
    const done = await turns.take(attempt.key, attempt.width, async () => {
      const found = await attempt.reserve()
      try {
        return { result: await work(found) }
      } catch (error) {
        if (error instanceof AuthError)
          await (error.code === 'overloaded' ? attempt.withdraw() : attempt.keep())
        throw error
      }
    })
    if (done === null) throw new AuthError('overloaded', { retryAfterSeconds: 1 })
    return done.result
  }

  return {
    spend,

    /** Pays for `attempt`, runs the check, and forgives it when the check says true. @throws as `spend` */
    prove: <Found>(attempt: Attempt<Found>, check: (found: Found) => Promise<boolean>): Promise<boolean> =>
      spend(attempt, async (found) => {
        const right = await check(found)
        await (right ? attempt.redeem() : attempt.keep())
        return right
      }),

    addressKey,

    /** The key under which a device is remembered: where it is and what it is, as far as both are told. */
    deviceKey: (caller: Caller): Buffer =>
      keyedHash(lookupKey, 'device', caller.addressPrefix ?? '', caller.device),

    /**
     * An attempt to prove a password. The bucket of the account over all addresses never refuses an address the
     * account has signed in from (`addressKnown`): a stranger cannot lock the owner out.
     */
    attempt: (project: Project, email: string, address: string, addressKnown: boolean): Attempt =>
      byCount(project, passwordCount(project, email, address, addressKnown)),

    /** The same for the account behind an e-mail address, which is found as the attempt is paid for: null if there is none. */
    signInAttempt(
      project: Project,
      email: string,
      address: string,
      addressKnown = false,
    ): Attempt<UserWithPassword | null> {
      const counted = passwordCount(project, email, address, addressKnown)
      return attemptOn(project, counted, () =>
        store.signIns.begin(project.id, email, addressKey(address), counted),
      )
    },

    /** An attempt to type a short code for the account behind an e-mail address, whether or not there is one. */
    codeAttempt(project: Project, email: string): Attempt {
      const keys: BucketKey[] = [{ bucket: 'code', keyHash: keyedHash(lookupKey, 'email', email) }]
      return byCount(project, { keys, thresholds: codeThresholds, accountExempt: false })
    },
  }
}

export type Lockout = ReturnType<typeof createLockout>
