// What a command is, and how its words are read.
import { type ParseArgsConfig, parseArgs } from 'node:util'

export interface Command {
  readonly usage: string
  run(words: readonly string[]): Promise<void>
}

/** A command line that makes no sense; ends with code 2 and the usage. */
export class UsageError extends Error {
  readonly usage: string
  constructor(message: string, usage: string) {
    super(message)
    this.name = 'UsageError'
    this.usage = usage
  }
}

/** Reads options strictly. @throws UsageError */
export function readOptions<const T extends NonNullable<ParseArgsConfig['options']>>(
  words: readonly string[],
  options: T,
  usage: string,
) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message, usage)
  }
}
