// The file of a backup: gzip over lines. The first is a manifest in JSON; for each table follow a line in JSON, its rows as COPY
// writes them, and `\.`; the last line holds the SHA-256 of everything before it.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'

/** The first line. */
export interface BackupManifest {
  /** The version of this format. */
  readonly sallyport_backup: 1
  /** The version of Sallyport that wrote it, and the time by its clock. */
  readonly version: string
  readonly made_at: string
  /** The migrations of the database, oldest first: `created_at` of its journal. */
  readonly migrations: readonly number[]
  /** The last value of each sequence, by table and column. */
  readonly sequences: readonly { readonly table: string; readonly column: string; readonly value: string }[]
}

/** The line before the rows of a table. */
export interface BackupTable {
  readonly table: string
  readonly columns: readonly string[]
}

/** The line that ends the rows of a table; COPY escapes it within values. */
export const endOfRows = '\\.'

/** A file that is no backup, or not a whole one; the message is a sentence. */
export class BackupError extends Error {
  override name = 'BackupError'
}

const damaged = 'The file is damaged or incomplete: its checksum does not fit. Nothing was changed.'

/** The lines of the file, without their ends: of bytes, because a value may hold any character. */
async function* linesOf(file: string): AsyncGenerator<Buffer> {
  const bytes = createReadStream(file)
  const plain = bytes.pipe(createGunzip())
  bytes.once('error', (error) => plain.destroy(error))
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of plain) {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer)
    let from = 0
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      yield data.subarray(from, end)
      from = end + 1
    }
    rest = data.subarray(from)
  }
  if (rest.length > 0) yield rest
}

/**
 * Reads the whole file.
 * @returns its manifest
 * @throws BackupError where it is none, or was changed or cut
 */
export async function verifyBackup(file: string): Promise<BackupManifest> {
  const hash = createHash('sha256')
  let manifest: BackupManifest | null = null
  let previous: Buffer | null = null
  try {
    for await (const line of linesOf(file)) {
      manifest ??= JSON.parse(line.toString('utf8'))
      if (previous) hash.update(previous).update('\n')
      previous = Buffer.from(line)
    }
    const { sha256 } = JSON.parse(previous?.toString('utf8') ?? '')
    if (sha256 !== hash.digest('hex')) throw new BackupError(damaged)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof BackupError) throw error
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
      throw new BackupError(`The file cannot be read (${code}).`)
    throw new BackupError(manifest?.sallyport_backup ? damaged : 'The file is no backup of Sallyport.')
  }
  if (manifest?.sallyport_backup !== 1) throw new BackupError('The file is no backup of this format.')
  return manifest
}

/**
 * Reads the tables of a verified file.
 * @param take receives each table with its rows; it must read all of them before it returns
 */
export async function readTables(
  file: string,
  take: (table: BackupTable, rows: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const lines = linesOf(file)
  await lines.next()
  async function* rows(): AsyncGenerator<Buffer> {
    for (;;) {
      const { value } = await lines.next()
      if (!value || value.toString('latin1') === endOfRows) return
      yield Buffer.concat([value, Buffer.from('\n')])
    }
  }
  for (;;) {
    const { value } = await lines.next()
    const head = value && JSON.parse(value.toString('utf8'))
    if (!head?.table) return
    await take(head, rows())
  }
}
