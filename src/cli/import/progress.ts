// The progress of an import: a bar on a terminal, a line every few seconds elsewhere.
import { stat } from 'node:fs/promises'
import type { Bytes } from './source.ts'

const barMs = 200
const lineMs = 5000
const width = 30

export interface Progress {
  /** Counts the bytes that pass. */
  measure(bytes: Bytes): Bytes
  /** Shows `words`, but not more often than every 200 ms on a terminal and every 5 s elsewhere. */
  show(words: () => string): void
  /** Removes the bar. */
  end(): void
}

/** @param path of the file, whose size is the whole */
export async function startProgress(path: string, terminal: NodeJS.WriteStream): Promise<Progress> {
  const { size } = await stat(path)
  const isTerminal = terminal.isTTY === true
  let passed = 0
  let shownAt = performance.now()
  return {
    async *measure(bytes) {
      for await (const piece of bytes) {
        passed += piece.length
        yield piece
      }
    },
    show(words) {
      if (performance.now() - shownAt < (isTerminal ? barMs : lineMs)) return
      shownAt = performance.now()
      if (!isTerminal) {
        terminal.write(`${words()} so far\n`)
        return
      }
      const part = size > 0 ? Math.min(1, passed / size) : 1
      const bar = '█'.repeat(Math.round(part * width)).padEnd(width, '·')
      terminal.write(`\r\u001b[K${bar} ${Math.round(part * 100)} %  ${words()}`)
    },
    end() {
      if (isTerminal) terminal.write('\r\u001b[K')
    },
  }
}
