// What commands print. A reader that ends first, or a full disk, ends the printing; the work of the command goes on.
import { fstatSync, writeFileSync } from 'node:fs'

/** Why nothing more is printed. */
let failure: NodeJS.ErrnoException | undefined
/** What to say about lines that nobody got. */
const ifLost: string[] = []
let written: Promise<void> = Promise.resolve()

// Each write is told its own error.
process.stdout.on('error', () => {})
// Nobody can be told that nobody reads this.
process.stderr.on('error', () => {})

/** Writes all of a text; Node's own stream passes over what a file has no room for. */
async function write(text: string): Promise<void> {
  const found = fstatSync(1)
  if (found.isFile() || (found.isCharacterDevice() && !process.stdout.isTTY)) return writeFileSync(1, text)
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
  })
}

/**
 * Prints a text on standard output, if that can still be written.
 * @param remedy a sentence for standard error where it cannot be: of a secret, how to make another
 */
export function printText(text: string, remedy?: string): void {
  const lose = (error: NodeJS.ErrnoException) => {
    failure ??= error
    if (remedy) ifLost.push(remedy)
  }
  const writing = (failure ? Promise.reject(failure) : write(text)).catch(lose)
  written = written.then(() => writing)
}

/** Prints a line, as `printText` does. */
export const printLine = (line: string, remedy?: string): void => printText(`${line}\n`, remedy)

/**
 * Waits until everything is printed.
 * @returns sentences about what could not be. Of a pipe whose reader ended first, as `head` does, there are those about secrets alone
 */
export async function lostOutput(): Promise<readonly string[]> {
  await written
  if (!failure) return []
  const why = `Standard output cannot be written (${failure.code}): not everything was printed.`
  return failure.code === 'EPIPE' ? ifLost : [why, ...ifLost]
}
