#!/usr/bin/env node
// The command line: names a command, loads only that one, and ends with 0 or a sentence and another code.
import { ConfigError, exitConfig } from '../config.ts'
import { operatorMessage } from '../operator.ts'
import { type Command, UsageError } from './command.ts'

const commands: Record<string, { summary: string; load: () => Promise<{ command: Command }> }> = {
  projects: {
    summary: 'create, list and show projects; set their policy, rotate their secret',
    load: () => import('./projects.ts'),
  },
  teams: {
    summary: 'create, list, show and delete teams; add, remove and rank their members',
    load: () => import('./teams.ts'),
  },
  users: {
    summary: 'create, import, show and list people; set their role, disable, enable and delete them',
    load: () => import('./users.ts'),
  },
  mail: {
    summary: 'list mail that is owed or was given up, try it again, preview a kind',
    load: () => import('./mail.ts'),
  },
  keys: {
    summary: 'list the signing keys, rotate them, seal them under a new secret',
    load: () => import('./keys.ts'),
  },
  doctor: {
    summary: 'look whether all is well here, and say what to do; measure this machine',
    load: () => import('./doctor.ts'),
  },
  migrate: { summary: 'bring the database up to date', load: () => import('./migrate.ts') },
  openapi: {
    summary: 'write the OpenAPI documents and the list of routes',
    load: () => import('./openapi.ts'),
  },
}

const usage = `Usage: npx . <command> [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

Each command takes --help. The service itself starts with: npm start`

async function run([name, ...rest]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === 'help') return console.log(usage)
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) throw new UsageError(`There is no command "${name}".`, usage)
  const { command } = await entry.load()
  if (rest.includes('--help')) return console.log(command.usage)
  await command.run(rest)
}

try {
  await run(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) console.error(`${error.message}\n\n${error.usage}`)
  else console.error(operatorMessage(error))
  process.exitCode = error instanceof UsageError ? 2 : error instanceof ConfigError ? exitConfig : 1
}
