// Imports accounts from a file: a JSON array, or JSON lines, which are read piece by piece and added in batches.
import { access, constants, open, readFile } from 'node:fs/promises'
import type { OperatorContext } from '../domain/context.ts'
import { importUsers, readUser, refreshStatistics } from '../domain/operators/user-import.ts'
import type { ImportedUser } from '../repositories/operators/users.ts'
import { CommandError } from './errors.ts'

/** The result of an import. */
interface Report {
  readonly read: number
  readonly created: number
  /** Left as they are: the address or the UUID has an account, or stood in the file before. */
  readonly existing: number
  /** Line numbers (in an array: positions from 1) and why no account was added for them. */
  readonly refused: { readonly line: number; readonly reason: string }[]
}

/** Accounts that one statement adds. */
const batchSize = 500
/** Milliseconds between reports of progress. */
const progressMs = 5000

/** @returns undefined where the line is not JSON */
function parseLine(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Each entry of the file with its line; undefined where that is not JSON. @throws CommandError where it cannot be read */
async function* entriesOf(path: string): AsyncGenerator<[line: number, value: unknown]> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0)
    if (/^\uFEFF?\s*\[/.test(buffer.toString('utf8', 0, bytesRead))) {
      const array: unknown[] = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''))
      for (const [index, value] of array.entries()) yield [index + 1, value]
      return
    }
    let line = 0
    for await (const text of file.readLines({ start: 0 })) {
      line++
      const content = text.replace(/^\uFEFF/, '').trim()
      if (content !== '') yield [line, parseLine(content)]
    }
  } catch (error) {
    const why =
      error instanceof SyntaxError ? 'is not valid JSON' : `cannot be read: ${(error as Error).message}`
    throw new CommandError(`The file ${path} ${why}`.replace(/\.?$/, '.'))
  } finally {
    await file.close()
  }
}

/** @throws CommandError where the file cannot be read */
export async function checkReadable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((error: Error) => {
    throw new CommandError(`The file ${path} cannot be read: ${error.message}.`)
  })
}

/**
 * Imports a file and reports its progress on standard error. Accounts that were added stay when it is interrupted; the same
 * file can be imported again.
 * @throws CommandError where the file cannot be read, or its array is not JSON
 */
export async function importFile(ctx: OperatorContext, path: string): Promise<Report> {
  const refused: { line: number; reason: string }[] = []
  let read = 0
  let created = 0
  let batch: ImportedUser[] = []
  let reportedAt = performance.now()

  async function flush(): Promise<void> {
    if (batch.length > 0) created += await importUsers(ctx, batch)
    batch = []
    if (performance.now() - reportedAt < progressMs) return
    reportedAt = performance.now()
    console.error(`${read} read, ${created} created, ${refused.length} refused so far`)
  }

  for await (const [line, value] of entriesOf(path)) {
    read++
    const user = value === undefined ? 'It is not valid JSON.' : readUser(value)
    if (typeof user === 'string') refused.push({ line, reason: user })
    else if (batch.push(user) >= batchSize) await flush()
  }
  await flush()
  // PostgreSQL plans statements by its statistics. Where this fails, it renews them by itself after a while.
  const renewed = await refreshStatistics(ctx.services, created).catch((error: Error) => error)
  if (renewed instanceof Error) console.error('The statistics of the tables could not be renewed (analyze)')
  else if (renewed) console.error('The statistics of the tables were renewed (analyze)')
  return { read, created, existing: read - created - refused.length, refused }
}
