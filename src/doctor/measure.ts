// A process that only hashes, as many passwords at once as it is asked to; calibrate.ts starts it with enough threads.
import { type Argon2, defaultParameters, loadFaster, loadReference } from '../crypto/passwords.ts'

/** Hash with this binding, `slots` passwords at once, for `ms` milliseconds. */
export interface Task {
  readonly binding: Argon2['binding']
  readonly slots: number
  readonly ms: number
}

/** Hashes in a second and milliseconds for each; null where the binding does not load. */
export type Measured = { readonly perSecond: number; readonly eachMs: number } | null

async function measure({ binding, slots, ms }: Task): Promise<Measured> {
  const argon2 = await (binding === 'argon2' ? loadReference() : loadFaster()).catch(() => null)
  if (!argon2) return null
  const password = Buffer.from('a password of the usual length')
  await argon2.hash(password, defaultParameters)
  const began = performance.now()
  let done = 0
  async function work(): Promise<void> {
    while (performance.now() - began < ms) {
      await argon2?.hash(password, defaultParameters)
      done++
    }
  }
  await Promise.all(Array.from({ length: slots }, work))
  const took = performance.now() - began
  return { perSecond: (done * 1000) / took, eachMs: (took * slots) / done }
}

process.on('message', (task: Task) => void measure(task).then((measured) => process.send?.(measured)))
