// npx . projects …
import { readFile } from 'node:fs/promises'
import { createProjects, type Project } from '../domain/projects.ts'
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

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

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
  if (!uuid.test(id))
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

export const command: Command = {
  usage,
  async run(words) {
    const options = {
      name: { type: 'string' },
      policy: { type: 'string' },
      json: { type: 'boolean' },
    } as const
    const { values, positionals } = readOptions(words, options, usage)
    const json = values.json ?? false
    const [verb, ...rest] = positionals

    await withStore(async (store) => {
      const projects = createProjects(store)
      if (verb === 'create' && rest.length === 0) {
        if (!values.name?.trim()) throw new UsageError('A project needs --name.', usage)
        const { project, secret } = await projects.create(values.name.trim(), await readPolicy(values.policy))
        return print(project, json, secret)
      }
      if (verb === 'list' && rest.length === 0) {
        const all = await projects.list()
        if (json)
          return console.log(JSON.stringify(all.map(({ id, name, policy }) => ({ id, name, policy }))))
        for (const { id, name } of all) console.log(`${id}  ${name}`)
        return
      }
      if (verb === 'show' && rest.length <= 1) return print(await projects.get(projectId(rest[0])), json)
      if (verb === 'policy' && rest[0] === 'set' && rest.length <= 2) {
        if (values.policy === undefined) throw new UsageError('policy set needs --policy FILE.', usage)
        const id = projectId(rest[1])
        return print(await projects.setPolicy(id, await readPolicy(values.policy)), json)
      }
      if (verb === 'rotate-secret' && rest.length <= 1) {
        const { project, secret } = await projects.rotateSecret(projectId(rest[0]))
        return print(project, json, secret)
      }
      throw new UsageError('That is not a projects command.', usage)
    })
  },
}
