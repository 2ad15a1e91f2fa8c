// npx . users export

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { OperatorContext } from '../domain/context.ts'
import { exportUsers } from '../domain/operators/user-export.ts'
import { CommandError } from './errors.ts'
import { required } from './options.ts'

export const exportDescription =
  'writes the accounts as JSON lines for users import, with the hashes of their passwords and the secrets of their authenticators in the clear; the security log notes it'

export const exportOptions = [required('--file <FILE>', 'a new file, which its owner alone may read')]

/** @throws CommandError where the file exists or cannot be written whole; then none is left */
export async function runExport(ctx: OperatorContext, { file }: { readonly file: string }) {
  const refuse = (error: Error) => {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'exists already' : `cannot be written: ${error.message}`
    return new CommandError(`The file ${file} ${why}.`)
  }
  const stream = createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true })
  await once(stream, 'open').catch((error: Error) => {
    throw refuse(error)
  })
  let failed: Error | undefined
  stream.on('error', (error) => {
    failed = error
  })
  try {
    const count = await exportUsers(ctx, async (line) => {
      if (!stream.write(`${JSON.stringify(line)}\n`))
        // Either is the end of the wait; an error rejects both, and is told below.
        await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {})
      if (failed) throw refuse(failed)
    })
    stream.end()
    await finished(stream).catch((error: Error) => {
      throw refuse(error)
    })
    console.error(
      'The file opens accounts for those who read it: keep it as you keep a backup, and delete it after the move.',
    )
    return [{ exported: count, file }, `${count} accounts were written to ${file}`] as const
  } catch (error) {
    stream.destroy()
    await rm(file, { force: true })
    throw error
  }
}
