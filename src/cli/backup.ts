// npx . backup
import { resolve } from 'node:path'
import { readConfig } from '../config/config.ts'
import { writeBackup } from '../database/backup.ts'
import { BackupError } from '../database/backup-file.ts'
import { requireOutputFile } from '../output-file.ts'
import { withDatabase } from './database.ts'
import { CommandError } from './errors.ts'
import { command, path, required } from './options.ts'
import { printLine } from './standard-output.ts'

/** Runs `work`. @throws CommandError for a BackupError */
export async function asCommandErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof BackupError) throw new CommandError(error.message)
    throw error
  }
}

export const backup = command(
  'backup',
  `Writes every table to one file, as it is at one instant, beside a running service. The file (mode 600) holds password hashes and addresses; keep it as secret as the database, and SECRET_KEY (or DATA_DIR/secret-key) apart from it: without that, the signing keys in it cannot be opened.`,
  [required('--to <FILE>', 'the file to write; one that exists is replaced', path)],
  async ({ to }: { to: string }) => {
    await requireOutputFile(to)
    const { databaseOwnerUrl } = readConfig()
    await withDatabase((url, pooled) =>
      asCommandErrors(() =>
        writeBackup(databaseOwnerUrl ?? url, to, { pooled: pooled && databaseOwnerUrl === null }),
      ),
    )
    printLine(`Wrote ${resolve(to)}`)
  },
)
