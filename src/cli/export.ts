// npx . users export
import type { OperatorContext } from '../domain/context.ts'
import { exportUsers } from '../domain/operators/user-export.ts'
import { requireOutputFile, type Write, writeOutputFile } from '../output-file.ts'
import { path, required } from './options.ts'

export const exportDescription =
  'writes the accounts as JSON lines for users import, with the hashes of their passwords and the secrets of their authenticators in the clear; the security log notes it'

export const exportOptions = [required('--file <FILE>', 'a new file, which its owner alone may read', path)]

/** Characters that are written at once. */
const pieceLength = 65_536

/** Writes every account. @returns how many */
async function writeAccounts(ctx: OperatorContext, write: Write): Promise<number> {
  let piece = ''
  const count = await exportUsers(ctx, async (line) => {
    piece += `${JSON.stringify(line)}\n`
    if (piece.length < pieceLength) return
    const whole = piece
    piece = ''
    await write(whole)
  })
  await write(piece)
  return count
}

/** Looks at the file before the database is touched. @throws OutputFileError */
export async function prepareExport<Given extends { readonly file: string }>(given: Given): Promise<Given> {
  await requireOutputFile(given.file, { isNew: true })
  return given
}

/** @throws OutputFileError where the file exists or cannot be written whole; then none is left */
export async function runExport(ctx: OperatorContext, { file }: { readonly file: string }) {
  const options = { mode: 0o600, isNew: true }
  const count = await writeOutputFile(file, (write) => writeAccounts(ctx, write), options)
  console.error(
    'The file opens accounts for those who read it: keep it as you keep a backup, and delete it after the move.',
  )
  return [{ exported: count, file }, `${count} accounts were written to ${file}`] as const
}
