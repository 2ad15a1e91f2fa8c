// Writes a backup: every table as it was at one instant, by a role that sees every row.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Sql } from 'postgres'
import { readDatabaseUrl } from '../database-url/read.ts'
import { type Write, writeOutputFile } from '../output-file.ts'
import { version } from '../package.ts'
import { BackupError, type BackupManifest, type BackupTable, endOfRows } from './backup-file.ts'
import { Connection } from './connection.ts'
import { unscopedSetting } from './row-level-security.ts'
import { journalSchema, setLocal, transactionSettings } from './session.ts'

/** Opens a connection and begins one long transaction in it, which sees every row. */
export async function beginUnscoped(
  url: string,
  { name, pooled, mode }: { name: string; pooled: boolean; mode: string },
): Promise<Connection> {
  const connection = new Connection(url, { name, pooled, answerMs: null })
  const settings = {
    ...transactionSettings(readDatabaseUrl(url).schema),
    statement_timeout: 0,
    idle_in_transaction_session_timeout: 0,
    [unscopedSetting]: 'on',
  }
  await connection.run((sql) => sql.unsafe(`begin ${mode}${setLocal(settings)}`))
  return connection
}

/**
 * The tables of which a role would not see every row: row-level security applies to it, and no policy lets it read whole tables.
 * `pg_dump` by such a role fails, and with `--enable-row-security` silently leaves rows out.
 * @param sql a connection of that role
 * @returns their names: `ours` for a backup of ours, `pgDump` for pg_dump
 */
export async function tablesWithHiddenRows(sql: Sql): Promise<{ ours: string[]; pgDump: string[] }> {
  const rows = await sql.unsafe(`select c.relname as name,
      (row_security_active(c.oid) and not exists (select from pg_policy, unnest(polroles) as known
        where polrelid = c.oid and polname = 'housekeeping' and (known = 0 or pg_has_role(known, 'MEMBER'))))
      or not has_table_privilege(c.oid, 'select') as hidden,
      row_security_active(c.oid) or not has_table_privilege(c.oid, 'select') as filtered
    from pg_class c where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relkind in ('r', 'p')
    order by 1`)
  const named = (key: 'hidden' | 'filtered') => rows.filter((row) => row[key]).map(({ name }) => String(name))
  return { ours: named('hidden'), pgDump: named('filtered') }
}

/** Tables before those that refer to them, with the columns that are stored. */
async function tablesInOrder(sql: Sql): Promise<BackupTable[]> {
  const tables = await sql.unsafe(`select c.relname as name,
      (select json_agg(attname order by attnum) from pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '')::text as columns,
      (select coalesce(json_agg(distinct f.relname), '[]') from pg_constraint k join pg_class f on f.oid = k.confrelid
        where k.conrelid = c.oid and k.contype = 'f' and f.oid <> c.oid)::text as needs
    from pg_class c where c.relnamespace = to_regnamespace(quote_ident(current_schema())) and c.relkind in ('r', 'p')
      and c.relname <> '__drizzle_migrations' and not c.relispartition order by 1`)
  const left = new Map(tables.map((row) => [String(row.name), row]))
  const found: BackupTable[] = []
  while (left.size > 0) {
    const free = [...left.values()].filter(({ needs }) =>
      JSON.parse(needs).every((name: string) => !left.has(name)),
    )
    if (free.length === 0) throw new Error('Tables refer to each other in a circle.')
    for (const { name, columns } of free) {
      found.push({ table: name, columns: JSON.parse(columns) })
      left.delete(name)
    }
  }
  return found
}

async function manifestOf(sql: Sql): Promise<BackupManifest> {
  const [names] = await sql.unsafe(`select quote_ident(${journalSchema}) as journal`)
  const migrations = await sql.unsafe(
    `select created_at from ${names?.journal}.__drizzle_migrations order by created_at`,
  )
  // In a case, because the planner may evaluate a condition on relations that are no sequences.
  const lastValue = `case s.relkind when 'S' then pg_sequence_last_value(s.oid) end`
  const sequences =
    await sql.unsafe(`select t.relname as table, a.attname as column, (${lastValue})::text as value
    from pg_class s join pg_depend d on d.objid = s.oid and d.deptype in ('a', 'i') and d.classid = 'pg_class'::regclass
      join pg_class t on t.oid = d.refobjid join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    where s.relkind = 'S' and t.relnamespace = to_regnamespace(quote_ident(current_schema()))
      and t.relname <> '__drizzle_migrations' and (${lastValue}) is not null order by 1, 2`)
  return {
    sallyport_backup: 1,
    version,
    made_at: new Date().toISOString(),
    migrations: migrations.map(({ created_at }) => Number(created_at)),
    sequences: sequences.map(({ table, column, value }) => ({ table, column, value })),
  }
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

/** `copy … to stdout` or `copy … from stdin`. */
export const copy = ({ table, columns }: BackupTable, where: 'to stdout' | 'from stdin') =>
  `copy ${quoted(table)} (${columns.map(quoted).join(', ')}) ${where}`

/** The rows of a table, of the instant of the transaction. */
async function* rowsOf(sql: Sql, table: BackupTable): AsyncGenerator<Buffer> {
  const rows: Readable = await sql.unsafe(copy(table, 'to stdout')).readable()
  yield* rows
  // postgres.js pauses the socket where rows wait to be read, and resumes it where its stream asks for more. A stream that has all
  // of its rows asks no more, so the socket may still be paused, and the next statement would never be answered.
  rows._read(0)
}

/** The text of the file; each piece is whole lines or a part of rows. */
async function* textOf(sql: Sql): AsyncGenerator<string | Buffer> {
  yield `${JSON.stringify(await manifestOf(sql))}\n`
  for (const table of await tablesInOrder(sql)) {
    yield `${JSON.stringify(table)}\n`
    yield* rowsOf(sql, table)
    yield `${endOfRows}\n`
  }
}

async function* withChecksum(text: AsyncIterable<string | Buffer>): AsyncGenerator<string | Buffer> {
  const hash = createHash('sha256')
  for await (const piece of text) {
    hash.update(piece)
    yield piece
  }
  yield `${JSON.stringify({ sha256: hash.digest('hex') })}\n`
}

/**
 * Writes every table to a file (mode 600), as it is at one instant; the service runs on. The file appears whole or not at all.
 * @param url of a role that sees every row, such as the owner of the tables
 * @param options.pooled whether it leads to a pooler in transaction mode
 * @param file the path; a file that exists is replaced
 * @throws BackupError where the role does not see every row; OutputFileError
 */
export async function writeBackup(url: string, file: string, { pooled }: { pooled: boolean }): Promise<void> {
  const mode = 'isolation level repeatable read read only'
  const connection = await beginUnscoped(url, { name: 'sallyport-backup', pooled, mode })
  try {
    await connection.run(async (sql) => {
      const { ours } = await tablesWithHiddenRows(sql)
      if (ours.length > 0)
        throw new BackupError(
          `This role does not see every row of ${ours.join(', ')}: set DATABASE_MIGRATION_URL to the URL of the tables' owner.`,
        )
      const text = Readable.from(withChecksum(textOf(sql)))
      const writeAll = (write: Write) =>
        pipeline(text, createGzip({ chunkSize: 65_536 }), async (pieces: AsyncIterable<Buffer>) => {
          for await (const piece of pieces) await write(piece)
        })
      await writeOutputFile(file, writeAll, { mode: 0o600 })
    })
  } finally {
    await connection.close()
  }
}
