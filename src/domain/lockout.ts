// Lockout: failed sign-ins in three buckets, paid for before the password is checked.
import { keyedHash } from '../crypto/secrets.ts'
import type { BucketKey, Thresholds } from '../repositories/sign-in-failures.ts'
import type { Store } from '../repositories/store.ts'
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

/** One attempt: counted by `reserve`, forgiven by `redeem`, taken back by `withdraw`. */
export interface Attempt {
  /** Names the account and address; attempts of one name take turns. */
  readonly key: string
  /** How many may be undecided at once: as many as may fail. */
  readonly width: number
  /** @throws AuthError too_many_attempts; then nothing was counted */
  reserve(): Promise<void>
  /** It succeeded: earlier failures of this account from this address are forgotten. */
  redeem(): Promise<void>
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

  function attemptOn(project: Project, keys: readonly BucketKey[], thresholds: Thresholds): Attempt {
    const narrow = keys.find(({ bucket }) => bucket === 'account_address' || bucket === 'code')
    return {
      key: `${project.id} ${narrow?.keyHash.toString('base64')}`,
      width: thresholds.strict,
      async reserve() {
        if (await store.signInFailures.reserve(project.id, keys, thresholds)) return
        const retryAfterSeconds = await store.signInFailures.waitSeconds(project.id, keys, thresholds)
        throw new AuthError('too_many_attempts', { retryAfterSeconds })
      },
      redeem: () => store.signInFailures.giveBack(project.id, keys, thresholds, true),
      withdraw: () => store.signInFailures.giveBack(project.id, keys, thresholds, false),
    }
  }

  return {
    /**
     * Pays for `attempt`, runs the check, and forgives it when the check says true; one that could not be done at all
     * is not counted. Attempts on one account from one address take turns, so that many right ones at once are never
     * taken for guesses: whoever waits is judged by what those before came to.
     * @throws AuthError too_many_attempts, overloaded, and whatever `check` throws
     */
    async prove(attempt: Attempt, check: () => Promise<boolean>): Promise<boolean> {
      const proven = await turns.take(attempt.key, attempt.width, async () => {
        await attempt.reserve()
        try {
          const right = await check()
          if (right) await attempt.redeem()
          return right
        } catch (error) {
          if (error instanceof AuthError && error.code === 'overloaded') await attempt.withdraw()
          throw error
        }
      })
      if (proven === null) throw new AuthError('overloaded', { retryAfterSeconds: 1 })
      return proven
    },

    /** The key under which a client's address is remembered. */
    addressKey: (address: string): Buffer => keyedHash(lookupKey, 'address', address),

    /** The key under which a device is remembered: where it is and what it is, as far as both are told. */
    deviceKey: (caller: Caller): Buffer =>
      keyedHash(lookupKey, 'device', caller.addressPrefix ?? '', caller.device),

    /**
     * An attempt to prove a password. The bucket of the account over all addresses never refuses an address the
     * account has signed in from (`addressKnown`): a stranger cannot lock the owner out.
     */
    attempt(project: Project, email: string, address: string, addressKnown: boolean): Attempt {
      const { failures, window_seconds, base_seconds } = project.policy.lockout
      const keys: BucketKey[] = [
        { bucket: 'account', keyHash: keyedHash(lookupKey, 'email', email), exempt: addressKnown },
        {
          bucket: 'account_address',
          keyHash: keyedHash(lookupKey, 'pair', email, address),
          exempt: false,
        },
        { bucket: 'address', keyHash: keyedHash(lookupKey, 'address', address), exempt: false },
      ]
      return attemptOn(project, keys, {
        strict: failures,
        loose: failures * looseFactor,
        windowSeconds: window_seconds,
        baseSeconds: base_seconds,
      })
    },

    /** An attempt to type a short code for the account behind an e-mail address, whether or not there is one. */
    codeAttempt(project: Project, email: string): Attempt {
      const key = { bucket: 'code', keyHash: keyedHash(lookupKey, 'email', email), exempt: false } as const
      return attemptOn(project, [key], codeThresholds)
    },
  }
}

export type Lockout = ReturnType<typeof createLockout>
