// argon2id (RFC 9106) behind one seam: the faster binding where it loads, the card's otherwise, the same PHC strings from both.
import { randomBytes } from 'node:crypto'

export interface Argon2Parameters {
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
export const defaultParameters: Argon2Parameters = { memoryKib: 19_456, passes: 2, lanes: 1 }

export interface Argon2 {
  readonly binding: '@node-rs/argon2' | 'argon2'
  /** PHC string of `password` with a new random salt of 16 bytes. */
  hash(password: Buffer, parameters: Argon2Parameters): Promise<string>
  /** Whether `password` is behind `phc`; false for a string that is no argon2 hash. */
  verify(phc: string, password: Buffer): Promise<boolean>
}

const argon2id = 2

/** Loads the card's binding. */
export async function loadReference(): Promise<Argon2> {
  const { default: argon2 } = await import('argon2')
  return {
    binding: 'argon2',
    hash: (password, { memoryKib, passes, lanes }) =>
      argon2.hash(password, {
        type: argon2id,
        memoryCost: memoryKib,
        timeCost: passes,
        parallelism: lanes,
        hashLength: 32,
        salt: randomBytes(16),
      }),
    verify: (phc, password) => argon2.verify(phc, password).catch(() => false),
  }
}

/** Loads the faster binding; rejects where this machine has none. */
export async function loadFaster(): Promise<Argon2> {
  const argon2 = await import('@node-rs/argon2')
  return {
    binding: '@node-rs/argon2',
    hash: (password, { memoryKib, passes, lanes }) =>
      argon2.hash(password, {
        algorithm: argon2id,
        memoryCost: memoryKib,
        timeCost: passes,
        parallelism: lanes,
        outputLen: 32,
        salt: randomBytes(16),
      }),
    verify: (phc, password) => argon2.verify(phc, password).catch(() => false),
  }
}

/** The fastest binding that loads here. */
export async function loadArgon2(): Promise<Argon2> {
  return loadFaster().catch(loadReference)
}

/** Whether a PHC string was computed with exactly these parameters. */
export function isCurrent(phc: string, parameters: Argon2Parameters): boolean {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(phc)
  if (!match) return false
  const [, memory, passes, lanes] = match.map(Number)
  return memory === parameters.memoryKib && passes === parameters.passes && lanes === parameters.lanes
}

/**
 * The bytes of a password as they are hashed: UTF-8 of its NFKC form (NIST SP 800-63B §5.1.1.2), so that the same
 * keys on another keyboard give the same password. Nothing is trimmed, nothing cut off.
 */
export function passwordBytes(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'), 'utf8')
}
