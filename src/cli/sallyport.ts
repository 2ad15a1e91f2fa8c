#!/usr/bin/env node
// The command line: ends with code 0, or prints a sentence on standard error and ends with another code.
import { OutputFileError } from '../output-file.ts'
import { CommandError, UsageError } from './errors.ts'
import { endOnSignals, isInterrupted } from './interruption.ts'
import { run } from './program.ts'
import { lostOutput } from './standard-output.ts'

endOnSignals()
try {
  await run(process.argv.slice(2))
} catch (error) {
  process.exitCode = 1
  if (isInterrupted()) {
    // The signal ends the process, with its own code.
  } else if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${error.usage}`)
    process.exitCode = 2
  } else if (error instanceof CommandError || error instanceof OutputFileError) console.error(error.message)
  else {
    const { exitCodeOf, operatorMessage } = await import('../operator-messages.ts')
    console.error(operatorMessage(error))
    process.exitCode = exitCodeOf(error)
  }
}
for (const sentence of await lostOutput()) {
  console.error(sentence)
  process.exitCode ||= 1
}
