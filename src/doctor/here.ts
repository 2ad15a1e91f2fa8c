// What can be said of this machine and of the configuration alone: versions, secrets, hashing, disk, proxies.
import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { type Argon2, defaultParameters, loadFaster, loadReference } from '../crypto/passwords.ts'
import { bad, type Finding, good, reasonOf, warning } from './finding.ts'

/** In: a version of Node. */
export function nodeVerdict(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 9))
    return bad('node', `Node ${version} is too old: install 20.9 or later, best 22 or 24.`)
  if (major % 2 === 1) return warning('node', `Node ${version} is a short-lived release: use 20, 22 or 24.`)
  return good('node', `Node ${version}.`)
}

/** In: a master secret of at least 32 bytes. A guess: what is made of few letters, or of words, was not drawn by chance. */
export function secretVerdict(secret: string): Finding {
  const repeats = /^(.{1,16})\1+$/s.test(secret)
  if (repeats || new Set(secret).size < 12 || /change.?me|example|secret|password|12345/i.test(secret))
    return warning(
      'secret key',
      'SECRET_KEY looks as if somebody had thought of it. Make one with: openssl rand -base64 48, keep this one as SECRET_KEY_PREVIOUS, then: npx . keys reseal.',
    )
  return good('secret key', 'SECRET_KEY looks random.')
}

/** Whether the kept secret is readable by its owner alone. */
export async function secretFile(dataDir: string): Promise<Finding[]> {
  const file = join(dataDir, 'secret-key')
  const mode = (await stat(file).catch(() => null))?.mode
  if (mode === undefined || (mode & 0o077) === 0) return []
  return [warning('secret key', `Other users can read ${file}. Say: chmod 600 ${file}`)]
}

/** Whether what people send reaches us as they sent it. */
export function proxyVerdict(
  config: Pick<Config, 'publicUrl' | 'trustedProxies' | 'cookieSecure'>,
): Finding[] {
  const isHttps = config.publicUrl.startsWith('https:')
  const found: Finding[] = []
  if (isHttps && config.trustedProxies.length === 0)
    found.push(
      warning(
        'proxies',
        'PUBLIC_URL is https, so a proxy stands in front, and TRUSTED_PROXIES names none: all clients count as one address. Set it to the address of the proxy.',
      ),
    )
  else
    found.push(
      good(
        'proxies',
        config.trustedProxies.length > 0
          ? `X-Forwarded-For is believed from ${config.trustedProxies.join(', ')}.`
          : 'None is trusted, and none is needed.',
      ),
    )
  if (isHttps && !config.cookieSecure)
    found.push(bad('cookies', 'PUBLIC_URL is https and COOKIE_SECURE is false: remove COOKIE_SECURE.'))
  if (!isHttps && config.cookieSecure)
    found.push(
      bad(
        'cookies',
        'COOKIE_SECURE is true and PUBLIC_URL is not https: browsers drop the cookies. Change one.',
      ),
    )
  return found
}

/** Milliseconds of one hash at the parameters of the service, after one to warm up. */
export async function hashMs(argon2: Argon2): Promise<number> {
  const password = Buffer.from('a password of the usual length')
  await argon2.hash(password, defaultParameters)
  const began = performance.now()
  await argon2.hash(password, defaultParameters)
  return performance.now() - began
}

/** Which argon2 computes the passwords here, and how fast. */
export async function hashing(): Promise<Finding> {
  try {
    const faster = await loadFaster()
    return good(
      'passwords',
      `argon2id by ${faster.binding}, ${(await hashMs(faster)).toFixed(0)} ms for each hash.`,
    )
  } catch (error) {
    const why = reasonOf(error).split('\n')[0]
    try {
      const reference = await loadReference()
      const ms = (await hashMs(reference)).toFixed(0)
      return warning(
        'passwords',
        `argon2id by ${reference.binding}, ${ms} ms for each hash. The faster @node-rs/argon2 does not load (${why}): npm ci with optional dependencies.`,
      )
    } catch (reason) {
      return bad('passwords', `No argon2 loads here (${reasonOf(reason).split('\n')[0]}). Say: npm ci`)
    }
  }
}

/** In: bytes that are free below `folder`. */
export function diskVerdict(folder: string, free: number): Finding {
  const size = `${(free / 2 ** 30).toFixed(1)} GiB free for ${folder}`
  if (free < 100 * 2 ** 20) return bad('disk', `${size}: the database stops when it is full. Make room.`)
  return free < 2 ** 30 ? warning('disk', `${size}. Make room before it is full.`) : good('disk', `${size}.`)
}

/** The folder itself, or the nearest above it that exists. */
export async function nearest(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => null)
  return there || dirname(folder) === folder ? folder : nearest(dirname(folder))
}

export async function disk(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearest(dataDir))
  return diskVerdict(dataDir, bavail * bsize)
}

/** Whether this user may write below a folder that may still have to be made. */
export const isWritable = async (folder: string): Promise<boolean> =>
  access(await nearest(folder), constants.W_OK).then(
    () => true,
    () => false,
  )
