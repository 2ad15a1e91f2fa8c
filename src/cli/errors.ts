// The two refusals of a command: its words make no sense (exit code 2), or it cannot be carried out (exit code 1).
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'

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

/** What a command says where the domain refuses, by the code of the refusal. */
export type Sentences = Partial<Record<AuthErrorCode, string>>

/** Runs work of the domain. @throws CommandError for a refusal that has a sentence; every other error as it is */
export async function inSentences<T>(sentences: Sentences, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const sentence = error instanceof AuthError ? sentences[error.code] : undefined
    throw sentence ? new CommandError(sentence) : error
  }
}
