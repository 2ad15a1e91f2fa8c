// The master secret of an installation without SECRET_KEY: generated once and kept in its data directory.
import { randomBytes } from 'node:crypto'
import { link, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../folders.ts'

/** Reads `<dataDir>/secret-key`; null where there is none. @throws other errors of the file system */
export async function readSecretKey(dataDir: string): Promise<string | null> {
  try {
    return (await readFile(join(dataDir, 'secret-key'), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

/**
 * The master secrets of an installation, newest first: SECRET_KEY, or the generated one, and SECRET_KEY_PREVIOUS if it is set.
 * @throws the error of the file system
 */
export async function masterSecrets(settings: {
  readonly secretKey: string | null
  readonly previousSecretKey: string | null
  readonly dataDir: string
}): Promise<[newest: string, ...older: string[]]> {
  const { secretKey, previousSecretKey, dataDir } = settings
  const older = previousSecretKey === null ? [] : [previousSecretKey]
  return [secretKey ?? (await ensureSecretKey(dataDir)), ...older]
}

/** Reads `<dataDir>/secret-key`, or generates it (mode 600). Two first starts at once agree on one. */
export async function ensureSecretKey(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret-key')
  const known = await readSecretKey(dataDir)
  if (known !== null) return known
  makeFolder(dataDir, 0o700)
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600 })
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await unlink(draft)
  return (await readFile(file, 'utf8')).trim()
}
