// npx . projects …
import { readFile } from 'node:fs/promises'
import { createProjects, type Project, type Projects } from '../domain/projects.ts'
import { isUuid } from '../domain/uuid.ts'
import { OperatorError } from '../operator.ts'
import { type Command, readOptions, UsageError } from './command.ts'
import { withStore } from './database.ts'

const usage = `Usage:
  npx . projects create --name NAME [--policy FILE]
  npx . projects list
  npx . projects show ID
  npx . projects policy set ID --policy FILE
  npx . projects rotate-secret ID

  --json   print JSON: { id, name, secret, policy }; a list as an array.
           The secret is shown by create and rotate-secret alone.

A policy file is JSON; what it leaves out keeps its default. Running instances follow within two seconds.`

async function readPolicy(file: string | undefined): Promise<unknown> {
  if (file === undefined) return {}
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read'
    throw new OperatorError(`The policy file ${file} ${why}: ${(error as Error).message}`)
  }
}

function projectId(id: string | undefined): string {
  if (id === undefined) throw new UsageError('The id of a project is missing.', usage)
  if (!isUuid(id))
    throw new OperatorError(`"${id}" is no project id; see the list with: npx . projects list.`)
  return id.toLowerCase()
}

function print(project: Project, json: boolean, secret?: string): void {
  const { id, name, policy } = project
  if (json) {
    console.log(JSON.stringify({ id, name, ...(secret ? { secret } : {}), policy }))
    return
  }
  console.log(`id      ${id}\nname    ${name}`)
  if (secret) console.log(`secret  ${secret}   (shown this once)`)
  console.log(`policy  ${JSON.stringify(policy, null, 2)}`)
}

/** What the words ask for; nonsense and an unreadable file are refused before any database is touched. */
async function understand(words: readonly string[]): Promise<(projects: Projects) => Promise<void>> {
  const options = {
    name: { type: 'string' },
    policy: { type: 'string' },
    json: { type: 'boolean' },
  } as const
  const { values, positionals } = readOptions(words, options, usage)
  const json = values.json ?? false
  const [verb, ...rest] = positionals

  if (verb === 'create' && rest.length === 0) {
    const name = values.name?.trim()
    if (!name) throw new UsageError('A project needs --name.', usage)
    const policy = await readPolicy(values.policy)
    return async (projects) => {
      const { project, secret } = await projects.create(name, policy)
      print(project, json, secret)
    }
  }
  if (verb === 'list' && rest.length === 0)
    return async (projects) => {
      const all = await projects.list()
      if (json) console.log(JSON.stringify(all.map(({ id, name, policy }) => ({ id, name, policy }))))
      else for (const { id, name } of all) console.log(`${id}  ${name}`)
    }
  if (verb === 'show' && rest.length <= 1) {
    const id = projectId(rest[0])
    return async (projects) => print(await projects.get(id), json)
  }
  if (verb === 'policy' && rest[0] === 'set' && rest.length <= 2) {
    if (values.policy === undefined) throw new UsageError('policy set needs --policy FILE.', usage)
    const id = projectId(rest[1])
    const policy = await readPolicy(values.policy)
    return async (projects) => print(await projects.setPolicy(id, policy), json)
  }
  if (verb === 'rotate-secret' && rest.length <= 1) {
    const id = projectId(rest[0])
    return async (projects) => {
      const { project, secret } = await projects.rotateSecret(id)
      print(project, json, secret)
    }
  }
  throw new UsageError('That is not a projects command.', usage)
}

export const command: Command = {
  usage,
  async run(words) {
    const work = await understand(words)
    await withStore((store) => work(createProjects(store)))
  },
}
