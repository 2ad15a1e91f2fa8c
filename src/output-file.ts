// Files that commands write: they appear whole under their name or not at all, and replace nothing but a file.
import { randomBytes } from 'node:crypto'
import { lstatSync, realpathSync, rmSync, type Stats, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'

/** A file that cannot be written; the message is a sentence that names it. */
export class OutputFileError extends Error {
  override name = 'OutputFileError'
}

/** Appends data to the file. @throws OutputFileError */
export type Write = (data: string | Buffer) => Promise<void>

/**
 * Runs work of the file system.
 * @param path what the sentence names
 * @throws OutputFileError for an error of the system; every other error as it is
 */
export async function asOutputErrors<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, errno = 0 } = error as NodeJS.ErrnoException
    if (!code || errno >= 0) throw error
    const [, meaning] = getSystemErrorMap().get(errno) ?? []
    throw new OutputFileError(`${path} cannot be written (${code})${meaning ? `: ${meaning}` : ''}.`)
  }
}

/** What is at a path. @returns null where nothing is. @throws OutputFileError for a link that leads nowhere */
function lookAt(path: string): Stats | null {
  if (!lstatSync(path, { throwIfNoEntry: false })) return null
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found)
    throw new OutputFileError(
      `${path} cannot be written: it is a link that leads nowhere. Give the path of a file.`,
    )
  return found
}

/**
 * Looks whether a file may be written at a path, before the work that makes its content.
 * @param path as the operator gave it
 * @param options.isNew whether a file that exists is refused, too
 * @returns the absolute path to write to, where a link leads; and the file that is there
 * @throws OutputFileError for a folder, a device, a pipe, a socket, and a folder that is not there
 */
export async function requireOutputFile(
  path: string,
  { isNew = false } = {},
): Promise<{ target: string; found: Stats | null }> {
  return asOutputErrors(path, () => {
    const found = lookAt(resolve(path))
    const refuse = (why: string) => new OutputFileError(`${path} cannot be written: ${why}`)
    if (found?.isDirectory() || /[/\\]$/.test(path))
      throw refuse(`it is a folder. Give the path of a file, such as ${join(path, 'file')}.`)
    if (found && !found.isFile()) throw refuse('it is a device, a pipe or a socket. Give the path of a file.')
    if (found && isNew) throw refuse('it exists already. Give the path of a new file.')
    return {
      target: found
        ? realpathSync(path)
        : join(realpathSync(dirname(resolve(path))), basename(resolve(path))),
      found,
    }
  })
}

/**
 * Writes a file in a draft beside it, and gives it its name when it is whole. The draft is removed where the work fails, and where
 * the process exits before.
 * @param path as the operator gave it
 * @param work makes the content
 * @param options.mode of the file; default: that of the file that is replaced
 * @param options.isNew whether a file that exists is refused
 * @returns what `work` returns
 * @throws OutputFileError, and what `work` throws
 */
export async function writeOutputFile<T>(
  path: string,
  work: (write: Write) => Promise<T>,
  { mode, isNew = false }: { mode?: number; isNew?: boolean } = {},
): Promise<T> {
  const { target, found } = await requireOutputFile(path, { isNew })
  const draft = `${target}.${randomBytes(4).toString('hex')}`
  const remove = () => rmSync(draft, { force: true })
  process.on('exit', remove)
  try {
    const handle = await asOutputErrors(path, () => open(draft, 'wx', mode ?? 0o666))
    const result = await (async () => {
      if (mode === undefined && found) await handle.chmod(found.mode & 0o777)
      const made = await work((data) => asOutputErrors(path, () => handle.appendFile(data)))
      await asOutputErrors(path, () => handle.sync())
      return made
    })().finally(() => handle.close())
    // Something may have come into its place meanwhile.
    await requireOutputFile(path, { isNew })
    await asOutputErrors(path, () => rename(draft, target))
    return result
  } finally {
    remove()
    process.off('exit', remove)
  }
}
