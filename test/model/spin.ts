// The runs of spin on the models: each property by itself, and each mutation that must break one.
import { execFile } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { validityMs } from '../../src/database/change-feed.ts'
import { packageRoot } from '../../src/package.ts'
import { refreshTable } from './refresh-table.ts'

const run = promisify(execFile)

export interface Check {
  readonly model: 'refresh' | 'revocation'
  /** What holds, or what goes wrong. */
  readonly title: string
  readonly defines: readonly string[]
  /** A piece of the assertion that spin must refute; none: it must find no error. */
  readonly refutes?: string
}

export interface Result {
  readonly errors: number
  readonly states: number
  /** The violated assertion. */
  readonly violated: string
}

/** Of one tick of revocation.pml. */
const tickMs = 25
/** docs/session-cache.md. */
const boundMs = 100
const ticks = { validity: validityMs / tickMs, bound: boundMs / tickMs }

const successor = 'successors[mine]<=1'
const ends = 'mustEnd'
const ended = 'endedBefore'
const formerToken = 'securedBefore'
const staysIn = 'stolen||loggedOut'
const refused = '!(acknowledged)'
const within = `sinceAcknowledged<=`

export const checks: readonly Check[] = [
  {
    model: 'refresh',
    title: 'an owner who tries again after a lost answer stays signed in',
    defines: ['PROMPT', 'newest=5'],
  },
  {
    model: 'refresh',
    title: 'a thief and two tabs: one successor, and reuse ends the session',
    defines: ['THIEF'],
  },
  { model: 'refresh', title: 'two tabs and a sign-out: what ended stays ended', defines: ['ENDS'] },
  { model: 'refresh', title: 'a thief and a sign-out', defines: ['THIEF', 'ENDS', 'ONE_TAB'] },
  {
    model: 'refresh',
    title: 'a thief and a changed password: former tokens get nothing',
    defines: ['THIEF', 'SECURES', 'ONE_TAB', 'newest=4'],
  },
  { model: 'refresh', title: 'the UPDATE as two statements', defines: ['TWO_STEPS'], refutes: successor },
  {
    model: 'refresh',
    title: 'reuse that only refuses',
    defines: ['THIEF', 'REUSE_ONLY_REFUSES'],
    refutes: ends,
  },
  {
    model: 'refresh',
    title: 'every former token replayed, at any time',
    defines: ['THIEF', 'ANY_FORMER'],
    refutes: ends,
  },
  {
    model: 'refresh',
    title: 'a rotation that does not ask whether the session lives',
    defines: ['ENDS', 'ONE_TAB', 'ROTATES_THE_DEAD'],
    refutes: ended,
  },
  {
    model: 'refresh',
    title: 'a secured session that treats its former tokens as others',
    defines: ['THIEF', 'SECURES', 'ONE_TAB', 'newest=4', 'SECURED_AS_OTHERS'],
    refutes: formerToken,
  },
  { model: 'refresh', title: 'no grace', defines: ['PROMPT', 'NO_GRACE'], refutes: staysIn },
  {
    model: 'refresh',
    title: 'no repetition of a lost answer',
    defines: ['PROMPT', 'NO_REPETITION'],
    refutes: staysIn,
  },
  {
    model: 'revocation',
    title: 'ended here: refused from the acknowledgement on',
    defines: ['HERE', 'TWO_REQUESTS'],
  },
  {
    model: 'revocation',
    title: 'ended elsewhere, the connection cut: refused within 100 ms',
    defines: ['TWO_REQUESTS'],
  },
  {
    model: 'revocation',
    title: 'no wait before the acknowledgement',
    defines: ['HERE', 'NO_WAIT'],
    refutes: refused,
  },
  { model: 'revocation', title: 'cached without a heartbeat', defines: ['NO_LEASE'], refutes: within },
  {
    model: 'revocation',
    title: 'a heartbeat that counts from its answer',
    defines: ['LEASE_FROM_ANSWER'],
    refutes: within,
  },
  {
    model: 'revocation',
    title: 'a notification that spares a read under way',
    defines: ['READ_NOT_VOIDED'],
    refutes: within,
  },
  {
    model: 'revocation',
    title: 'a new connection that keeps the cache',
    defines: ['RECONNECT_KEEPS'],
    refutes: within,
  },
  {
    model: 'revocation',
    title: 'notifications after the answer, as behind a pooler',
    defines: ['TOLD_AFTER_ANSWER'],
    refutes: within,
  },
  {
    model: 'revocation',
    title: 'a bound shorter than a heartbeat holds',
    defines: ['bound=1'],
    refutes: within,
  },
]

/** Whether spin and a C compiler are installed. */
export async function canCheck(): Promise<boolean> {
  return await Promise.all([
    run('spin', ['-V']),
    run('gcc', ['-fsyntax-only', '-x', 'c', '-include', 'stdio.h', '/dev/null']),
  ]).then(
    () => true,
    () => false,
  )
}

/** Checks a model exhaustively, and stops at the first error. @throws where the model does not compile, or the search was cut off */
export async function runCheck({ model, defines, refutes }: Check): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-spin-'))
  try {
    const here = { cwd: folder, maxBuffer: 1 << 26 }
    const names = new Set(defines.map((define) => define.split('=')[0]))
    const numbers = Object.entries(ticks).filter(([name]) => !names.has(name))
    const all = [...defines, ...numbers.map(([name, value]) => `${name}=${value}`)]
    copyFileSync(join(packageRoot, 'test/model', `${model}.pml`), join(folder, `${model}.pml`))
    writeFileSync(join(folder, 'refresh-table.pml'), refreshTable())
    await run('spin', ['-a', ...all.map((define) => `-D${define}`), `${model}.pml`], here)
    // What is refuted is found soon: there compiling takes longer than the search.
    await run('gcc', [refutes ? '-O0' : '-O1', '-w', '-DSAFETY', '-o', 'pan', 'pan.c'], here)
    // An error is status 0 as well.
    const { stdout } = await run('./pan', ['-m20000'], here)
    const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? Number.NaN)
    if (/max search depth too small|out of memory/.test(stdout) || !/errors: \d/.test(stdout))
      throw new Error(stdout)
    return {
      errors: number(/errors: (\d+)/),
      states: number(/(\d+) states, stored/),
      violated: /assertion violated (.*)/.exec(stdout)?.[1] ?? '',
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
