// The command line as an operator types it: a real process, beside a running service or alone.
import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const built = join(packageRoot, 'dist/src/cli/sallyport.js')

/** What was built, as `npx .` runs it, unless a source has changed since; running from source costs a second more. */
function program(): string[] {
  const changedAt = ['src', 'schemas', 'drizzle/tables'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => statSync(join(packageRoot, folder, name)).mtimeMs),
  )
  const builtAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return builtAt > Math.max(...changedAt) ? [built] : ['--import=tsx', 'src/cli/sallyport.ts']
}

let known: string[] | undefined

/** Runs `npx . <words>` with these variables and no others of ours, and `input` to read; resolves when it has ended. */
export function runCommand(
  words: readonly string[],
  env: Record<string, string>,
  input = '',
): Promise<Ended> {
  known ??= program()
  const child = spawn(process.execPath, [...known, ...words], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, ...env },
  })
  child.stdin.end(input)
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}
