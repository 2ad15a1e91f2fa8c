// The tree of commands: loads only the command that is named, prints help, and puts every refusal into a sentence.
import { Command, CommanderError, Help, type HelpConfiguration } from 'commander'
import { variablesText } from '../config/documentation.ts'
import { version } from '../package.ts'
import { UsageError } from './errors.ts'
import { printText } from './standard-output.ts'

const commands = {
  init: async () => (await import('./init.ts')).init,
  projects: async () => (await import('./projects.ts')).projects,
  teams: async () => (await import('./teams.ts')).teams,
  users: async () => (await import('./users.ts')).users,
  operators: async () => (await import('./operators.ts')).operators,
  mail: async () => (await import('./mail.ts')).mail,
  webhooks: async () => (await import('./webhooks.ts')).webhooks,
  events: async () => (await import('./events.ts')).events,
  listen: async () => (await import('./listen.ts')).listen,
  keys: async () => (await import('./keys.ts')).keys,
  audit: async () => (await import('./audit.ts')).audit,
  doctor: async () => (await import('./doctor.ts')).doctor,
  migrate: async () => (await import('./migrate.ts')).migrate,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
  openapi: async () => (await import('./openapi.ts')).openapi,
}

const summaries: Record<keyof typeof commands, string> = {
  init: 'make an application that signs people in, from a template',
  projects:
    'create, list and show projects; show, set and merge their policy, allow addresses, rotate their secret',
  teams: 'create, list, show and delete teams; add and remove members, set their roles',
  users: 'create, import, list and show users; set their role, disable, enable and delete them',
  operators: 'create, list and remove operators, set their roles; create, list and revoke operator keys',
  mail: 'list mail that waits or was given up, send it again, preview a kind',
  webhooks: 'create, list, test and delete webhooks, list their deliveries, send dead ones again',
  events: 'read the ordered feed of a project',
  listen: 'forward the events of a project to a program under development',
  keys: 'list the signing keys, rotate them, seal them under a new secret',
  audit: 'list the security log of a project, verify that no row was changed or removed',
  doctor: 'check this installation and say what to do; measure this machine',
  migrate: 'bring the database up to date',
  backup: 'write the whole database to a file, beside a running service',
  restore: 'restore such a file into an empty database',
  openapi: 'write the OpenAPI documents and the list of routes',
}

const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()

const leavesOf = (command: Command): Command[] =>
  command.commands.length > 0 ? command.commands.flatMap(leavesOf) : [command]

/** The path of a command and its usage, which is commander's own where it takes nothing but --help. */
const usageOf = (command: Command): string =>
  command.usage() === '[options]' ? pathOf(command) : `${pathOf(command)} ${command.usage()}`

/** The usage of a command, or of each command in a group. */
const commandUsage = (command: Command): string =>
  command.parent && command.commands.length > 0
    ? ['', ...leavesOf(command).map((leaf) => `  ${usageOf(leaf)}`)].join('\n')
    : usageOf(command)

const help: HelpConfiguration = {
  commandUsage,
  subcommandTerm: (command) => command.name(),
  optionTerm: ({ flags }) => flags.replace(/[<>]/g, ''),
  formatHelp: (command, helper) =>
    Help.prototype.formatHelp.call(helper, command, helper).replace('Usage: \n', 'Usage:\n'),
}

/** Makes a command and those below it throw instead of ending the process, and leave standard error to the caller. */
function prepare(command: Command): void {
  command
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help')
    .configureHelp(help)
    .configureOutput({ outputError: () => {}, writeErr: () => {}, writeOut: (text) => printText(text) })
    .exitOverride()
  for (const child of command.commands) prepare(child)
}

/** The tree, of which only the command of that name is loaded; of the others it knows the summary. */
async function programFor(name: string | undefined): Promise<Command> {
  const program = new Command('npx .').usage('<command> [options]')
  program.version(version, '-v, --version', 'print the version')
  for (const [known, summary] of Object.entries(summaries)) {
    const command = known === name ? await commands[name as keyof typeof commands]() : new Command(known)
    program.addCommand(command.summary(summary))
  }
  prepare(program)
  return program.addHelpText(
    'after',
    () =>
      `\nEach command takes --help. The service itself starts with: npm start\n\nEnvironment variables, with their defaults:\n${variablesText()}`,
  )
}

/** The command that the words lead to, as far as they are names of commands. */
function commandOf(program: Command, [word, ...rest]: readonly string[]): Command {
  const child = program.commands.find((command) => command.name() === word)
  return child ? commandOf(child, rest) : program
}

/** A sentence for what commander refuses. It names options and commands, never the value of an option. */
function refusal(command: Command, { code, message }: CommanderError): string {
  const path = pathOf(command).replace(/^npx \. /, '')
  const [, name = ''] = /'([^' =]*)/.exec(message) ?? []
  const [, similar] = /\((Did you mean .*\?)\)$/.exec(message) ?? []
  const sentences: Record<string, string> = {
    'commander.unknownOption': `${path} takes no ${name}.`,
    'commander.missingMandatoryOptionValue': `${path} needs ${name}.`,
    'commander.missingArgument': `${path} needs ${name}.`,
    'commander.optionMissingArgument': `${name} needs a value${name === '--project' ? ': the id of a project, which `npx . projects list` prints' : ''}.`,
    'commander.excessArguments': `${path} takes no "${command.args[command.registeredArguments.length]}".`,
    'commander.unknownCommand': command.parent
      ? `There is no command "${path} ${name}".`
      : `There is no command "${name}".`,
    'commander.help': `${path} needs the name of a command.`,
  }
  return [sentences[code] ?? message, ...(similar ? [similar] : [])].join(' ')
}

/**
 * Runs a command.
 * @param words of the command line, without the name of the program
 * @throws UsageError where the words make no sense, before a database is touched; CommandError, ConfigError and the errors
 * of the domain where the command fails
 */
export async function run(words: readonly string[]): Promise<void> {
  const [first, ...rest] = words
  const given = first === undefined ? ['--help'] : first === 'help' ? [...rest, '--help'] : words
  const program = await programFor(given[0])
  try {
    await program.parseAsync(given, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    const command = commandOf(program, given)
    const refused = error instanceof CommanderError ? new UsageError(refusal(command, error)) : error
    if (refused instanceof UsageError)
      refused.usage = `Usage: ${commandUsage(command)}\n\nMore: ${pathOf(command)} --help`.replace(
        / +\n/,
        '\n',
      )
    throw refused
  }
}
