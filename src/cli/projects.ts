// npx . projects …
import { readFile } from 'node:fs/promises'
import { isOperatorsProject } from '../domain/projects/operators-project.ts'
import { mergeStored } from '../domain/projects/policy.ts'
import * as verbs from '../domain/projects/projects.ts'
import { allowAddresses } from './allow-addresses.ts'
import { withServices } from './database.ts'
import { CommandError, UsageError } from './errors.ts'
import {
  argument,
  command,
  group,
  jsonOption,
  nameOf,
  notBlank,
  option,
  print,
  projectId,
  required,
} from './options.ts'
import { printLine } from './standard-output.ts'

const idArgument = argument('<ID>', 'the project', projectId)
/** Characters, as in the admin API. */
const maxNameLength = 100

const policyWords = [
  '--policy <FILE>',
  'file with the policy as JSON; what it leaves out keeps its default',
] as const

/** @throws CommandError where the file cannot be read or is not JSON */
async function readPolicy(file: string | undefined): Promise<unknown> {
  if (file === undefined) return {}
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read'
    throw new CommandError(`The policy file ${file} ${why}: ${(error as Error).message}`)
  }
}

function printProject({ id, name, policy }: verbs.Project, json: boolean | undefined, secret?: string): void {
  const words = [
    `id      ${id}`,
    `name    ${name}`,
    ...(secret ? [`secret  ${secret}   (shown this once)`] : []),
    ...`policy  ${JSON.stringify(policy, null, 2)}`.split('\n'),
  ]
  const remedy = secret
    ? `The secret of the project ${id} was not printed: make another with npx . projects rotate-secret ${id}`
    : undefined
  print(json, { id, name, ...(secret && { secret }), policy }, words, remedy)
}

/** Changes a policy and prints the project. Keys that were reset are told on standard error beside JSON. */
async function change(
  id: string,
  next: Parameters<typeof verbs.changePolicy>[2],
  json: boolean | undefined,
): Promise<void> {
  const { project, reset } = await withServices((services) => verbs.changePolicy(services, id, next))
  printProject(project, json)
  if (reset.length === 0) return
  const words = `Reset to the default, because the file does not name it:\n${reset.map((key) => `  - ${key}`).join('\n')}`
  if (json) console.error(words)
  else printLine(words)
}

interface Given {
  readonly name: string
  readonly policy?: string
  readonly json?: boolean
}

export const projects = group(
  'projects',
  'Manages projects. With --json a command prints { id, name, secret, policy }, list an array of these; the secret is shown by create and rotate-secret only. Running instances follow a change within two seconds.',
  [
    command(
      'create',
      'makes a project and prints it with its secret',
      [required('--name <NAME>', 'its name', nameOf(maxNameLength)), option(...policyWords), jsonOption],
      async ({ name, policy: file, json }: Given) => {
        const policy = await readPolicy(file)
        const made = await withServices((services) => verbs.createProject(services, name, policy))
        printProject(made.project, json, made.secret)
      },
    ),
    command(
      'list',
      'prints every project but that of the operators',
      [jsonOption],
      async ({ json }: Given) => {
        const found = await withServices(verbs.listProjects)
        const all = found.filter((project) => !isOperatorsProject(project))
        const facts = all.map(({ id, name, policy }) => ({ id, name, policy }))
        print(
          json,
          facts,
          all.map(({ id, name }) => `${id}  ${name}`),
        )
      },
    ),
    command('show', 'prints a project', [idArgument, jsonOption], async (id: string, { json }: Given) =>
      printProject(await withServices((services) => services.projects.getAny(id)), json),
    ),
    group('policy', 'shows and changes the policy of a project', [
      command(
        'show',
        'prints the policy of a project: what was set, over the defaults',
        [idArgument, jsonOption],
        async (id: string, { json }: Given) => {
          const { policy } = await withServices((services) => services.projects.getAny(id))
          print(json, policy, JSON.stringify(policy, null, 2).split('\n'))
        },
      ),
      command(
        'set',
        'replaces the policy of a project, and prints the project and each key that has its default again',
        [idArgument, required(...policyWords), jsonOption],
        async (id: string, { policy: file, json }: Given) => {
          const policy = await readPolicy(file)
          await change(id, () => policy, json)
        },
      ),
      command(
        'merge',
        'changes in the policy of a project what the file names, and prints the project; lists are replaced whole',
        [
          idArgument,
          required('--policy <FILE>', 'file with a part of the policy as JSON; what it leaves out stays'),
          jsonOption,
        ],
        async (id: string, { policy: file, json }: Given) => {
          const part = await readPolicy(file)
          await change(id, (stored) => mergeStored(stored, part), json)
        },
      ),
    ]),
    command(
      'allow',
      'adds addresses of an application to `origins` and `redirect_urls` of the policy of a project, and prints the project',
      [
        idArgument,
        option('--origin <URL>', 'the origin of pages that call the service', notBlank),
        option('--redirect-url <URL>', 'an address to which the service may send browsers', notBlank),
        jsonOption,
      ],
      async (
        id: string,
        { origin, redirectUrl, json }: Given & { origin?: string; redirectUrl?: string },
      ) => {
        if (!origin && !redirectUrl) throw new UsageError('projects allow needs --origin or --redirect-url.')
        const addresses = {
          ...(origin ? { origins: [origin] } : {}),
          ...(redirectUrl ? { redirectUrls: [redirectUrl] } : {}),
        }
        printProject(await withServices((services) => allowAddresses(services, id, addresses)), json)
      },
    ),
    command(
      'rotate-secret',
      'gives a project a new secret and prints it; the old one ends at once',
      [idArgument, jsonOption],
      async (id: string, { json }: Given) => {
        const { project, secret } = await withServices((services) => verbs.rotateProjectSecret(services, id))
        printProject(project, json, secret)
      },
    ),
  ],
)
