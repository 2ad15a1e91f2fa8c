// The process of the service: started for one test process, asked by messages, and ended with it.
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Why the service of a test could not be started or asked; the message is a sentence. */
export class SallyportTestingError extends Error {
  override name = 'SallyportTestingError'
}

/** Asks the service; resolves to its answer. @throws SallyportTestingError with what it says instead */
export type Ask = <T>(verb: string, given?: unknown) => Promise<T>

const program = 'dist/src/testing/main.js'

const nameOf = (manifest: string) => {
  try {
    return JSON.parse(readFileSync(manifest, 'utf8')).name
  } catch {
    return undefined
  }
}

/** The program of the package `sallyport`: installed in the project, installed beside this package, or in the same checkout. */
function findProgram(): string {
  const here = import.meta.url
  for (const from of [join(process.cwd(), 'package.json'), here])
    try {
      return createRequire(from).resolve(`sallyport/${program}`)
    } catch {
      // Looked for in the next place.
    }
  for (let folder = dirname(createRequire(here).resolve('../package.json')); ; folder = dirname(folder)) {
    if (nameOf(join(folder, 'package.json')) === 'sallyport' && existsSync(join(folder, program)))
      return join(folder, program)
    if (folder === dirname(folder)) break
  }
  throw new SallyportTestingError(
    'The package sallyport is not installed, or not built: install it beside @sallyport/testing.',
  )
}

/** The environment without what test runners have Node load into every process. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_TEST_CONTEXT, NODE_V8_COVERAGE, VITEST, ...env } = process.env
  return env
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly problem?: string
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: SallyportTestingError): void
}

/**
 * Starts the process. It keeps this one alive only while an answer is awaited, and ends when this one does, however that ends.
 * @returns `ask`, and `end`, which resolves when the process is gone with all that it started
 * @throws SallyportTestingError where the package `sallyport` is not found
 */
export function startProcess(): { ask: Ask; end: () => Promise<void> } {
  const child: ChildProcess = fork(findProgram(), [], {
    execArgv: [],
    env: environment(),
    // In a group of its own: a signal to the group of the tests leaves it the time to remove what it made.
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, Waiting>()
  let asked = 0
  let over: string | undefined
  const ended = new Promise<void>((resolve) => {
    const end = (how: string) => {
      over = `The service has ended (${how}).`
      for (const { reject } of waiting.values()) reject(new SallyportTestingError(over))
      waiting.clear()
      resolve()
    }
    child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    child.once('error', (error) => end(error.message))
  })
  child.on('message', ({ id, value, problem }: Answer) => {
    const asker = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) child.channel?.unref()
    if (problem === undefined) asker?.resolve(value)
    else asker?.reject(new SallyportTestingError(problem))
  })
  child.unref()
  child.channel?.unref()
  const ask: Ask = (verb, given = null) =>
    new Promise((resolve, reject) => {
      if (over !== undefined || !child.connected)
        return reject(new SallyportTestingError(over ?? 'The service is closed.'))
      const id = ++asked
      waiting.set(id, { resolve: resolve as Waiting['resolve'], reject })
      child.channel?.ref()
      child.send({ id, verb, given })
    })
  async function end(): Promise<void> {
    child.ref()
    // Without its channel the process ends, and removes what it made.
    if (child.connected) child.disconnect()
    await ended
  }
  return { ask, end }
}
