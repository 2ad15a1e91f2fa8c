// How commands are declared, the options that several of them take, and the parsers, which refuse a value in a sentence.
import { Argument, Command, Option } from 'commander'
import { isUuid } from '../formats.ts'
import { CommandError, UsageError } from './errors.ts'
import { shown } from './shown.ts'
import { printLine } from './standard-output.ts'

/** The value of an option or argument. @param name as the command line spells it, such as --name */
export type Parser = (text: string, name: string) => unknown

/** @throws UsageError for blank text */
export const notBlank: Parser = (text, name) => {
  if (text.trim() === '') throw new UsageError(`${name} must not be empty.`)
  return text.trim()
}

/** @throws UsageError for no text */
export const path: Parser = (text, name) => {
  if (text === '') throw new UsageError(`${name} must not be empty: give a path.`)
  return text
}

/**
 * @param most characters, as the admin API allows
 * @returns a parser that throws a UsageError for blank or longer text, and for line breaks and other control characters
 */
export const nameOf =
  (most: number): Parser =>
  (text, name) => {
    const trimmed = String(notBlank(text, name))
    if ([...trimmed].length > most || shown(trimmed) !== trimmed)
      throw new UsageError(`${name} has 1 to ${most} characters, without line breaks and control characters.`)
    return trimmed
  }

/** @returns a parser that throws a UsageError for text that is not one of `values` */
export const oneOf =
  (values: readonly string[]): Parser =>
  (text, name) => {
    if (!values.includes(text)) throw new UsageError(`${name} must be one of ${values.join(', ')}.`)
    return text
  }

/** @returns a parser that throws a UsageError for text that is not a whole number from `least` to `most` */
export const wholeNumber =
  (least: number, most: number): Parser =>
  (text, name) => {
    const number = Number(text)
    if (!Number.isInteger(number) || number < least || number > most)
      throw new UsageError(`${name} must be a whole number from ${least} to ${most}.`)
    return number
  }

/** @returns a parser that throws a CommandError for text that is not a UUID, and a UsageError for an option. @param list prints the ids there are */
export const idOf =
  (noun: string, list: string): Parser =>
  (text, name) => {
    // The next option stands where its value should.
    if (text.startsWith('--'))
      throw new UsageError(`${name} needs a value: the id of a ${noun}, which \`npx . ${list}\` prints.`)
    if (!isUuid(text))
      throw new CommandError(`"${text}" is not a ${noun} id; see the list with: npx . ${list}.`)
    return text.toLowerCase()
  }

export const projectId = idOf('project', 'projects list')

/** An option that may be left out. @param flags such as --name <NAME> */
export function option(flags: string, description: string, parse?: Parser): Option {
  const made = new Option(flags, description)
  return parse ? made.argParser((text: string) => parse(text, made.long ?? flags)) : made
}

/** An option that must be given. */
export const required = (flags: string, description: string, parse?: Parser): Option =>
  option(flags, description, parse).makeOptionMandatory()

/** @param name in brackets: `<ID>` must be given, `[ID]` may be left out */
export const argument = (name: string, description: string, parse: Parser): Argument =>
  new Argument(name, description).argParser((text: string) => parse(text, name.slice(1, -1)))

export const jsonOption = option('--json', 'print JSON')
export const projectOption = required('--project <ID>', 'the project', projectId)
export const emailOption = required('--email <ADDRESS>', 'address of the account', notBlank)

/** The options that `projectOption` and `jsonOption` give to an action. */
export interface ProjectOptions {
  readonly project: string
  readonly json?: boolean
}

/** Declares a command, whose usage names its arguments and options. @param action takes the arguments, then the options */
export function command(
  name: string,
  description: string,
  parameters: readonly (Argument | Option)[],
  action: Parameters<Command['action']>[0],
): Command {
  const made = new Command(name).description(description).action(action)
  const usage = parameters.map((parameter) => {
    if (parameter instanceof Option) made.addOption(parameter)
    else made.addArgument(parameter)
    const words = parameter instanceof Option ? parameter.flags : parameter.name()
    const isNeeded = parameter instanceof Option ? parameter.mandatory : parameter.required
    return isNeeded ? words : `[${words}]`
  })
  return made.usage(usage.join(' ').replace(/[<>]/g, ''))
}

/** Declares a command that only has others below it. */
export function group(name: string, description: string, commands: readonly Command[]): Command {
  const made = new Command(name).description(description)
  for (const below of commands) made.addCommand(below)
  return made
}

/** One line for people, or several. A line break within one is escaped when it is printed. */
export type Words = string | readonly string[]

/**
 * Prints the result of a command on standard output.
 * @param facts printed as JSON with --json
 * @param words printed without it; they may hold text of users
 * @param remedy a sentence for standard error where that cannot be written: of a secret, how to make another
 */
export function print(json: boolean | undefined, facts: unknown, words: Words, remedy?: string): void {
  if (json) printLine(JSON.stringify(facts), remedy)
  else if (words.length > 0) printLine([words].flat().map(shown).join('\n'), remedy)
}
