// Declares commands that act on one project as its operator and print a result.
import type { Command, Option } from 'commander'
import type { OperatorContext } from '../domain/context.ts'
import { withProject } from './database.ts'
import { inSentences, type Sentences } from './errors.ts'
import { command, jsonOption, type ProjectOptions, print, projectOption, type Words } from './options.ts'

/**
 * @param sentences for the refusals of the domain that an operator of this noun meets
 * @returns a function that declares a command with --project, --json and `options`. Its `act` returns what is printed: the
 * facts with --json, else the words; and the remedy where that cannot be printed. `prepare` runs before the database is touched.
 */
export function projectCommands<Given extends ProjectOptions>(sentences: Sentences) {
  return (
    name: string,
    description: string,
    options: readonly Option[],
    act: (
      ctx: OperatorContext,
      given: Given,
    ) => Promise<readonly [facts: unknown, words: Words, remedy?: string]>,
    prepare: (given: Given) => Promise<Given> = async (given) => given,
  ): Command =>
    command(name, description, [projectOption, ...options, jsonOption], async (words: Given) => {
      const given = await prepare(words)
      const result = await inSentences(sentences, () => withProject(given.project, (ctx) => act(ctx, given)))
      print(given.json, ...result)
    })
}
