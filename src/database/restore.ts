// Restores a backup into an empty database, in one transaction: all of it, or nothing.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Sql } from 'postgres'
import { readDatabaseUrl } from '../database-url/read.ts'
import { beginUnscoped, copy } from './backup.ts'
import { BackupError, type BackupManifest, readTables, verifyBackup } from './backup-file.ts'
import { applyMissing, ownMigrations } from './migrations.ts'
import { applyPolicies } from './row-level-security.ts'
import { defaultSchema } from './session.ts'

/** @throws BackupError where the schema has a table or a view */
async function refuseNonEmpty(sql: Sql, schema: string): Promise<void> {
  const [found] = await sql.unsafe(
    `select relname as name from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'p', 'v', 'm') limit 1`,
    [schema],
  )
  if (found)
    throw new BackupError(
      `The database is not empty: it has the table ${found.name}. Restore into a new one (create database …), or into a new DATA_DIR. Nothing was changed.`,
    )
}

/** @throws BackupError where the backup has a migration that this version does not know */
function refuseNewer({ migrations, version }: BackupManifest): void {
  const known = new Set(ownMigrations().map(({ when }) => when))
  if (migrations.some((when) => !known.has(when)))
    throw new BackupError(
      `The backup was written by Sallyport ${version}, whose tables this version does not know. Install that version. Nothing was changed.`,
    )
}

/**
 * Restores a file into an empty database, and brings its tables up to this version.
 * @param url of the role that is to own the tables
 * @param options.pooled whether it leads to a pooler in transaction mode
 * @param options.serviceUrl DATABASE_URL, where its role is not the owner; null: it is
 * @returns the manifest of the backup
 * @throws BackupError for a file that is not whole, a newer one, and a database that is not empty; nothing is changed then
 */
export async function restoreBackup(
  url: string,
  file: string,
  { pooled, serviceUrl }: { pooled: boolean; serviceUrl: string | null },
): Promise<BackupManifest> {
  const manifest = await verifyBackup(file)
  refuseNewer(manifest)
  const schema = readDatabaseUrl(url).schema ?? defaultSchema
  const connection = await beginUnscoped(url, { name: 'sallyport-restore', pooled, mode: '' })
  try {
    await connection.run(async (sql) => {
      await refuseNonEmpty(sql, schema)
      await applyMissing(sql, schema, Math.max(...manifest.migrations))
      // Keeps triggers from writing rows that the file has as well.
      await sql.unsafe(`select set_config('sallyport.restoring', 'on', true)`)
      await readTables(file, async (table, rows) => {
        await pipeline(Readable.from(rows), await sql.unsafe(copy(table, 'from stdin')).writable())
      })
      for (const { table, column, value } of manifest.sequences)
        await sql.unsafe(`select setval(pg_get_serial_sequence(quote_ident($1), $2), $3::bigint)`, [
          table,
          column,
          value,
        ])
      await sql.unsafe(`select set_config('sallyport.restoring', 'off', true)`)
      await applyMissing(sql, schema)
      await applyPolicies(sql, serviceUrl === null ? null : readDatabaseUrl(serviceUrl).user)
      await sql.unsafe('commit')
    })
  } finally {
    // Without a commit, the server rolls back.
    await connection.close()
  }
  return manifest
}
