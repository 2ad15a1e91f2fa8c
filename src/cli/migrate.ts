// npx . migrate
import { withDatabase } from './database.ts'
import { command } from './options.ts'
import { printLine } from './standard-output.ts'

export const migrate = command(
  'migrate',
  'Applies the migrations that the database of DATABASE_URL, or the embedded one, is missing. The service does the same at its start.',
  [],
  async () => {
    await withDatabase(async () => {})
    printLine('The database is up to date.')
  },
)
