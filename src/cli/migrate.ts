// npx . migrate
import { migrateDatabase } from '../database/migrations.ts'
import { type Command, readOptions } from './command.ts'
import { withDatabaseUrl } from './database.ts'

const usage = `Usage: npx . migrate

Applies the migrations that the database of DATABASE_URL (or the embedded one) is missing.
The service does the same at its start; this is for those who run it apart.`

export const command: Command = {
  usage,
  async run(words) {
    readOptions(words, {}, usage)
    await withDatabaseUrl(migrateDatabase)
    console.log('The database is up to date.')
  },
}
