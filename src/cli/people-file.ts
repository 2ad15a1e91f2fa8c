// The file of an import: a JSON array or JSON lines, read piece by piece and added in batches.
import { access, constants, open, readFile } from 'node:fs/promises'
import { importPeople, readPerson, renewStatistics } from '../domain/people-import.ts'
import type { Project } from '../domain/projects.ts'
import { OperatorError } from '../operator.ts'
import type { ImportedUser } from '../repositories/people.ts'
import type { Store } from '../repositories/store.ts'

/** What came of an import. */
export interface Report {
  readonly read: number
  readonly created: number
  /** Left as they are: the address, or the UUID, had an account, or stood in the file before. */
  readonly existing: number
  /** Line numbers (in an array: the place, from 1) and why nothing was added for them. */
  readonly refused: { readonly line: number; readonly reason: string }[]
}

/** People added by one statement. */
const batchSize = 500
/** Milliseconds between words about how far it is. */
const progressMs = 5000

interface Entry {
  readonly line: number
  /** The value; a broken line has none. */
  readonly value?: unknown
}

function parsed(line: number, text: string): Entry {
  try {
    return { line, value: JSON.parse(text) }
  } catch {
    return { line }
  }
}

async function startsWithArray(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0)
    return /^\uFEFF?\s*\[/.test(buffer.toString('utf8', 0, bytesRead))
  } finally {
    await file.close()
  }
}

async function* entriesOf(path: string): AsyncGenerator<Entry> {
  if (await startsWithArray(path)) {
    const array: unknown[] = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''))
    for (const [index, value] of array.entries()) yield { line: index + 1, value }
    return
  }
  const file = await open(path)
  try {
    let line = 0
    for await (const text of file.readLines()) {
      line++
      const content = text.replace(/^\uFEFF/, '').trim()
      if (content !== '') yield parsed(line, content)
    }
  } finally {
    await file.close()
  }
}

/** Refuses a file that is not there before anything else is done. @throws OperatorError */
export async function checkReadable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((error: Error) => {
    throw new OperatorError(`The file ${path} cannot be read: ${error.message}.`)
  })
}

/** So that statements are planned well at once. What fails here is made good by PostgreSQL itself, in a while. */
async function settle(store: Store, created: number): Promise<void> {
  const renewed = await renewStatistics(store, created).catch((error: Error) => error)
  if (renewed instanceof Error) console.error('The statistics of the tables could not be renewed (analyze)')
  else if (renewed) console.error('The statistics of the tables were renewed (analyze)')
}

/**
 * Imports a file and says on standard error how far it is. What was added stays when it is interrupted; the same file
 * can be imported again. @throws OperatorError where the file cannot be read, or its array is not JSON
 */
export async function importFile(store: Store, project: Project, path: string): Promise<Report> {
  const refused: { line: number; reason: string }[] = []
  let read = 0
  let created = 0
  let batch: ImportedUser[] = []
  let saidAt = performance.now()

  async function flush(): Promise<void> {
    if (batch.length > 0) created += await importPeople(store, project, batch)
    batch = []
    if (performance.now() - saidAt < progressMs) return
    saidAt = performance.now()
    console.error(`${read} read, ${created} created, ${refused.length} refused so far`)
  }

  const entries = entriesOf(path)
  for (;;) {
    const next = await entries.next().catch((error: Error) => {
      const why = error instanceof SyntaxError ? 'is not valid JSON' : `cannot be read: ${error.message}`
      throw new OperatorError(`The file ${path} ${why}`.replace(/\.?$/, '.'))
    })
    if (next.done) break
    read++
    const { line, value } = next.value
    const person = 'value' in next.value ? readPerson(value) : 'It is not valid JSON.'
    if (typeof person === 'string') refused.push({ line, reason: person })
    else if (batch.push(person) >= batchSize) await flush()
  }
  await flush()
  await settle(store, created)
  return { read, created, existing: read - created - refused.length, refused }
}
