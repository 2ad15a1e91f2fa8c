// Promises to tell one process from another by more than its number, and to end one politely before firmly.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether a process with this id runs; one that has ended and waits for its parent does not. */
export function isAlive(pid: number): boolean {
  return isTaken(pid) && !(process.platform === 'linux' && /^[ZX]/.test(statOf(pid)[0] ?? ''))
}

/** Whether some process has this id, be it one that has ended and waits for its parent. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A text that differs for every process that ever has this id; empty when there is none. */
export function startOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'lstart')
  const ticks = statOf(pid)[19]
  // Ticks count from the start of the machine, so they may repeat after the next one.
  return ticks === undefined ? '' : `${readProc('sys/kernel/random/boot_id').trim()}/${ticks}`
}

/** The command line of a process, its words parted by blanks; empty when it has ended. */
export function commandOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'command')
  return readProc(`${pid}/cmdline`).replaceAll('\0', ' ')
}

/**
 * Ends a postmaster: a fast shutdown, after ten seconds an immediate one, after five more a kill.
 * Resolves once `isGone` says so; `isGone` is asked again before every signal, so no stranger receives one.
 */
export async function endPostmaster(
  kill: (signal: NodeJS.Signals) => unknown,
  isGone: () => boolean,
): Promise<void> {
  const steps = [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5000],
    ['SIGKILL', 5000],
  ] as const
  for (const [signal, patienceMs] of steps) {
    if (isGone()) return
    try {
      kill(signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    for (const since = Date.now(); Date.now() - since < patienceMs; await sleep(5)) {
      if (isGone()) return
    }
  }
}

/** The fields of /proc/<pid>/stat after the name, which may itself hold blanks and brackets. */
function statOf(pid: number): string[] {
  const stat = readProc(`${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8')
  } catch {
    return ''
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}
