// Passwords: hashed and checked in bounded time, with a decoy for accounts that have none.
import { randomBytes } from 'node:crypto'
import { HashQueueFull, type HashScheduler } from '../crypto/hash-scheduler.ts'
import { type Argon2, type Argon2Parameters, isCurrent, passwordBytes } from '../crypto/passwords.ts'
import { AuthError } from './errors.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'

/** Whose turn a hash takes: nobody waits long for the flood of another project or address. */
type Whose = Pick<Caller, 'address'>

interface PasswordMeans {
  readonly argon2: Argon2
  readonly parameters: Argon2Parameters
  readonly scheduler: HashScheduler
}

/** Builds the password verbs; computes the decoy hash first, from the parameters in force. */
export async function createPasswords({ argon2, parameters, scheduler }: PasswordMeans) {
  const decoy = await argon2.hash(randomBytes(32), parameters)

  async function scheduled<T>({ id }: Project, { address }: Whose, work: () => Promise<T>): Promise<T> {
    try {
      return await scheduler.run(work, { project: id, address })
    } catch (error) {
      if (error instanceof HashQueueFull)
        throw new AuthError('overloaded', { retryAfterSeconds: error.retryAfterSeconds })
      throw error
    }
  }

  return {
    /** PHC string of a new password. @throws AuthError overloaded */
    hash: (project: Project, whose: Whose, password: string): Promise<string> =>
      scheduled(project, whose, () => argon2.hash(passwordBytes(password), parameters)),

    /** Whether the password fits; the same work when there is no hash to fit. @throws AuthError overloaded */
    async verify(project: Project, whose: Whose, hash: string | null, password: string): Promise<boolean> {
      const work = () => argon2.verify(hash ?? decoy, passwordBytes(password))
      const fits = await scheduled(project, whose, work)
      return fits && hash !== null
    },

    /** Whether the hash was made with other parameters than the ones in force. */
    isOutdated: (hash: string): boolean => !isCurrent(hash, parameters),
  }
}

export type Passwords = Awaited<ReturnType<typeof createPasswords>>
