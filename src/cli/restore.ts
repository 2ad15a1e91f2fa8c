// npx . restore
import { resolve } from 'node:path'
import { readConfig } from '../config/config.ts'
import { restoreBackup } from '../database/restore.ts'
import { asCommandErrors } from './backup.ts'
import { withUnmigrated } from './database.ts'
import { command, option } from './options.ts'
import { printLine } from './standard-output.ts'

export const restore = command(
  'restore',
  `Restores a file of "backup" into an empty database, all of it or nothing, and brings its tables up to this version. Start the service with the SECRET_KEY (or DATA_DIR/secret-key) of the old installation afterwards, and look with: npx . doctor`,
  [option('--from <FILE>', 'the file to read').makeOptionMandatory()],
  async ({ from }: { from: string }) => {
    const { databaseOwnerUrl } = readConfig()
    const { made_at, version } = await withUnmigrated((url, pooled) =>
      asCommandErrors(() =>
        restoreBackup(databaseOwnerUrl ?? url, resolve(from), {
          pooled: pooled && databaseOwnerUrl === null,
          serviceUrl: databaseOwnerUrl === null ? null : url,
        }),
      ),
    )
    printLine(`Restored ${resolve(from)}, which Sallyport ${version} wrote at ${made_at}`)
  },
)
