// Checks this machine and the configuration: Node, master secret, files, proxies, password hashing, disk.
import { existsSync } from 'node:fs'
import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../config/config.ts'
import { type Argon2, defaultParameters, loadFaster, loadReference } from '../crypto/passwords.ts'
import { type Finding, findingsOn, reasonOf } from './finding.ts'

/** @param version of Node, such as 20.9.0 */
export function nodeVerdict(version: string): Finding {
  const { good, warning, bad } = findingsOn('node')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 9))
    return bad`Node ${version} is too old: install 22 or 24, or at least 20.9.`
  if (major % 2 === 1) return warning`Node ${version} is a short-lived release: use 20, 22 or 24.`
  return good`Node ${version}.`
}

/** A guess whether a secret of at least 32 bytes is random: one of few different characters, or of words, is not. */
export function secretVerdict(secret: string): Finding {
  const { good, warning } = findingsOn('secret key')
  const repeats = /^(.{1,16})\1+$/s.test(secret)
  if (repeats || new Set(secret).size < 12 || /change.?me|example|secret|password|12345/i.test(secret))
    return warning`SECRET_KEY does not look random. Make one with: openssl rand -base64 48, keep this one as SECRET_KEY_PREVIOUS, then: npx . keys reseal.`
  return good`SECRET_KEY looks random.`
}

/** Checks that only its owner can read the generated secret. */
export async function checkSecretFile(dataDir: string): Promise<Finding[]> {
  const { warning } = findingsOn('secret key')
  const file = join(dataDir, 'secret-key')
  const mode = (await stat(file).catch(() => null))?.mode
  if (mode === undefined || (mode & 0o077) === 0) return []
  return [warning`Other users can read ${file}. Run: chmod 600 ${file}`]
}

/** Checks the files of the embedded database while no service runs. */
export async function checkEmbeddedFiles(dataDir: string): Promise<Finding> {
  const { good, bad } = findingsOn('database')
  const exists = (name: string) => existsSync(join(dataDir, name))
  if (!(await isWritable(dataDir)))
    return bad`This user cannot write to ${dataDir}. Change its owner, or set DATA_DIR to another folder.`
  if (!exists('postgres'))
    return good`The embedded database does not exist yet; npm start makes it in ${dataDir}.`
  if (!exists('secret-key'))
    return bad`${dataDir} has a database and no secret-key, without which its signing keys cannot be opened. Restore the file, or set SECRET_KEY to its content.`
  return good`The embedded database has its files. It runs only while the service does: npm start.`
}

/** Checks that proxies, PUBLIC_URL and secure cookies fit together. */
export function proxyVerdict({
  publicUrl,
  trustedProxies,
  cookieSecure,
}: Pick<Config, 'publicUrl' | 'trustedProxies' | 'cookieSecure'>): Finding[] {
  const { good, warning } = findingsOn('proxies')
  const { bad } = findingsOn('cookies')
  const isHttps = publicUrl.startsWith('https:')
  const found: Finding[] = []
  if (trustedProxies.length > 0)
    found.push(good`X-Forwarded-For is believed from ${trustedProxies.join(', ')}.`)
  else if (!isHttps) found.push(good`No proxy is trusted, and none is needed.`)
  else
    found.push(
      warning`PUBLIC_URL is https, so requests come through a proxy, and TRUSTED_PROXIES names none: all clients count as one address. Set it to the address of the proxy.`,
    )
  if (isHttps && !cookieSecure)
    found.push(bad`PUBLIC_URL is https and COOKIE_SECURE is false: remove COOKIE_SECURE.`)
  if (!isHttps && cookieSecure)
    found.push(
      bad`COOKIE_SECURE is true and PUBLIC_URL is not https, so browsers drop the cookies. Change one of them.`,
    )
  return found
}

/** Milliseconds of one hash with the parameters of the service, after one to warm up. */
async function hashMs(argon2: Argon2): Promise<string> {
  const password = Buffer.from('a password of the usual length')
  await argon2.hash(password, defaultParameters)
  const began = performance.now()
  await argon2.hash(password, defaultParameters)
  return (performance.now() - began).toFixed(0)
}

/** Which argon2 hashes passwords here, and how fast. */
export async function checkPasswords(): Promise<Finding> {
  const { good, warning, bad } = findingsOn('passwords')
  const firstLine = (error: unknown) => reasonOf(error).split('\n')[0]
  try {
    const faster = await loadFaster()
    return good`argon2id by ${faster.binding}, ${await hashMs(faster)} ms for each hash.`
  } catch (error) {
    try {
      const reference = await loadReference()
      return warning`argon2id by ${reference.binding}, ${await hashMs(reference)} ms for each hash. The faster @node-rs/argon2 does not load (${firstLine(error)}). Run npm ci with optional dependencies.`
    } catch (reason) {
      return bad`No argon2 loads here (${firstLine(reason)}). Run: npm ci`
    }
  }
}

/** @param free bytes below `folder` */
export function diskVerdict(folder: string, free: number): Finding {
  const { good, warning, bad } = findingsOn('disk')
  const size = `${(free / 2 ** 30).toFixed(1)} GiB free for ${folder}`
  if (free < 100 * 2 ** 20) return bad`${size}. The database stops when the disk is full: make room.`
  return free < 2 ** 30 ? warning`${size}. Make room before the disk is full.` : good`${size}.`
}

/** The folder, or the nearest one above it that exists. */
async function nearest(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => null)
  return there || dirname(folder) === folder ? folder : nearest(dirname(folder))
}

export async function checkDisk(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearest(dataDir))
  return diskVerdict(dataDir, bavail * bsize)
}

/** Whether this user may write to a folder, which may not exist yet. */
export async function isWritable(folder: string): Promise<boolean> {
  return access(await nearest(folder), constants.W_OK).then(
    () => true,
    () => false,
  )
}
