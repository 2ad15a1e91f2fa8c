// Runs commands as operators do: in a real process, beside a running service or alone.
import { spawn } from 'node:child_process'
import { packageRoot } from '../../src/package.ts'
import { programs } from './programs.ts'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `npx . <words>` with these variables and no others of ours, and `input` to read; resolves when it has ended. */
export function runCommand(
  words: readonly string[],
  env: Record<string, string>,
  input = '',
): Promise<Ended> {
  const child = spawn(process.execPath, [programs.command, ...words], {
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
