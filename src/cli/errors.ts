// The two ways in which a command refuses: its words make no sense (code 2), or what they ask for cannot be done (code 1).

/** A command line that makes no sense. It ends with code 2, the sentence and the usage of the command. */
export class UsageError extends Error {
  override name = 'UsageError'
  /** Added where the command is known. */
  usage = ''
}

/** A command that cannot be carried out. It ends with code 1 and the sentence. */
export class CommandError extends Error {
  override name = 'CommandError'
}
