// npx . backup
import { resolve } from 'node:path'
import { readConfig } from '../config/config.ts'
import { writeBackup } from '../database/backup.ts'
import { BackupError } from '../database/backup-file.ts'
import { withDatabase } from './database.ts'
import { CommandError } from './errors.ts'
import { command, option } from './options.ts'

/** Runs `work`. @throws CommandError for a BackupError, and for a file that cannot be written */
export async function asCommandErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (error instanceof BackupError) throw new CommandError(error.message)
    if (['open', 'rename', 'write', 'fsync'].includes(syscall ?? ''))
      throw new CommandError(`The file cannot be written (${code}).`)
    throw error
  }
}

export const backup = command(
  'backup',
  `Writes every table to one file, as it is at one instant, beside a running service. The file (mode 600) holds password hashes and addresses; keep it as secret as the database, and SECRET_KEY (or DATA_DIR/secret-key) apart from it: without that, the signing keys in it cannot be opened.`,
  [option('--to <FILE>', 'the file to write; one that exists is replaced').makeOptionMandatory()],
  async ({ to }: { to: string }) => {
    const { databaseOwnerUrl } = readConfig()
    await withDatabase((url, pooled) =>
      asCommandErrors(() =>
        writeBackup(databaseOwnerUrl ?? url, resolve(to), { pooled: pooled && databaseOwnerUrl === null }),
      ),
    )
    console.log(`Wrote ${resolve(to)}`)
  },
)
