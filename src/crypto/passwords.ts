// argon2id (RFC 9106): the faster binding if it loads, else the reference binding. Both produce the same PHC strings.
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
  /** Returns a PHC string. `salt` has 16 bytes; default: random ones. */
  hash(password: Buffer, parameters: Argon2Parameters, salt?: Buffer): Promise<string>
  /** Whether `phc` is a hash of `password`; false for a string that is no argon2 hash. */
  verify(phc: string, password: Buffer): Promise<boolean>
}

const argon2id = 2

const optionsOf = ({ memoryKib, passes, lanes }: Argon2Parameters, salt: Uint8Array = randomBytes(16)) => ({
  memoryCost: memoryKib,
  timeCost: passes,
  parallelism: lanes,
  salt: Buffer.from(salt),
})

export async function loadReference(): Promise<Argon2> {
  const { default: argon2 } = await import('argon2')
  return {
    binding: 'argon2',
    hash: (password, parameters, salt) =>
      argon2.hash(password, { ...optionsOf(parameters, salt), type: argon2id, hashLength: 32 }),
    verify: (phc, password) => argon2.verify(phc, password).catch(() => false),
  }
}

/** Loads the faster binding. Rejects if there is none for this machine. */
export async function loadFaster(): Promise<Argon2> {
  const argon2 = await import('@node-rs/argon2')
  return {
    binding: '@node-rs/argon2',
    hash: (password, parameters, salt) =>
      argon2.hash(password, { ...optionsOf(parameters, salt), algorithm: argon2id, outputLen: 32 }),
    verify: (phc, password) => argon2.verify(phc, password).catch(() => false),
  }
}

/** Loads the faster binding, or the reference binding if there is none for this machine. */
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
 * The byte strings that are compared with a hash: the password in NFKC, as we hash it, and as typed if that differs. Other
 * services hash `²`, `µ`, `½` and decomposed letters as typed. Their number depends only on the password.
 */
export function candidateBytes(password: string): readonly Buffer[] {
  const own = passwordBytes(password)
  const typed = Buffer.from(password, 'utf8')
  return own.equals(typed) ? [own] : [own, typed]
}

/** The bytes of a password that are hashed: its NFKC form in UTF-8 (NIST SP 800-63B §5.1.1.2), not truncated. */
export function passwordBytes(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'), 'utf8')
}
