// The command line as an operator types it: a real process, beside a running service or alone.
import { spawn } from 'node:child_process'
import { packageRoot } from '../../src/package.ts'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `npx . <words>` from source with these variables and no others of ours; resolves when it has ended. */
export function runCommand(words: readonly string[], env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, ['--import=tsx', 'src/cli/sallyport.ts', ...words], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, ...env },
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}
