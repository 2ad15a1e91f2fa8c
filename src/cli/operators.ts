// npx . operators …
import { type OperatorContext, operatorContext } from '../domain/context.ts'
import * as keys from '../domain/operators/keys.ts'
import * as verbs from '../domain/operators/operators.ts'
import { type Role, roles } from '../domain/operators/roles.ts'
import { operatorsProjectId } from '../domain/projects/operators-project.ts'
import { ensureOperatorsProject } from '../domain/projects/projects.ts'
import type { OperatorKeyRow } from '../repositories/operators/keys.ts'
import { withServices } from './database.ts'
import { inSentences, type Sentences } from './errors.ts'
import {
  argument,
  command,
  group,
  jsonOption,
  nameOf,
  notBlank,
  oneOf,
  option,
  print,
  projectId,
  required,
  wholeNumber,
} from './options.ts'

const sentences: Sentences = {
  last_owner:
    'This is the last owner of all projects: make another operator one first, with: npx . operators set-role.',
  operator_unknown: 'This account has no such role. See: npx . operators list',
  account_unknown: 'There is no operator with this address. See: npx . operators list',
  account_unproven: 'The holder of this account has not proven the address, so it may be another person’s.',
  role_impossible: '--project must be a project of this installation, and not that of the operators.',
  expiry_not_ahead:
    'The key would have ended already: the clock of this machine is days behind that of the database. See: npx . doctor',
  operator_key_unknown: 'There is no operator key with this id. See: npx . operators keys list',
}

/** Runs a verb in the project of the operators. */
const amongOperators = <T>(work: (ctx: OperatorContext) => Promise<T>): Promise<T> =>
  inSentences(sentences, () =>
    withServices(async (services) => {
      await ensureOperatorsProject(services)
      return work(operatorContext(services, await services.projects.getAny(operatorsProjectId)))
    }),
  )

/** Characters of the name of a key, as in the admin API. */
const maxNameLength = 255

interface Given {
  readonly role: Role
  readonly project?: string
  readonly name: string
  readonly days: number
  readonly json?: boolean
}

const facts = ({ user, held }: verbs.OperatorEntry) => ({
  uuid: user.uuid,
  email: user.email,
  roles: held.map(({ role, scope }) => ({ role, scope })),
  disabled_at: user.disabledAt?.toISOString() ?? null,
})

const line = ({ user, held }: verbs.OperatorEntry) =>
  `${user.uuid}  ${user.email}  ${held.map(({ role, scope }) => `${role} of ${scope ?? 'all'}`).join(', ') || 'no role'}${user.disabledAt ? '  disabled' : ''}`

const keyFacts = (key: OperatorKeyRow) => ({
  id: key.id,
  name: key.name,
  key_prefix: key.keyPrefix,
  role: key.role,
  scope: key.scope,
  created_at: key.createdAt.toISOString(),
  expires_at: key.expiresAt.toISOString(),
  revoked_at: key.revokedAt?.toISOString() ?? null,
})

const keyLine = (key: OperatorKeyRow) =>
  `${key.id}  ${key.keyPrefix}…  ${key.role} of ${key.scope ?? 'all'}  ${key.revokedAt ? 'revoked' : `until ${key.expiresAt.toISOString()}`}  ${key.name}`

const emailArgument = argument('<EMAIL>', 'address of the operator', notBlank)
const forProject = option(
  '--project <ID>',
  'the project that the role is for; default: every project',
  projectId,
)
const roleWords = `one of ${roles.join(', ')}`

async function create(email: string, { role, project, json }: Given): Promise<void> {
  const made = await amongOperators(async (ctx) => {
    const created = await verbs.createOperator(ctx, { email, role, scope: project ?? null })
    return { ...created, setup: created.setup ?? (await verbs.renewSetupLink(ctx, created.user.uuid)) }
  })
  const words = [line(made), '', 'Within a day, this link sets their password, once:', made.setup.url]
  const remedy = `The link for ${email} was not printed: the same command makes another.`
  print(json, { ...facts(made), setup_url: made.setup.url }, words, remedy)
}

async function createKey({ name, role, project, days, json }: Given): Promise<void> {
  const expiresAt = new Date(Date.now() + days * 86_400_000)
  const wish = { name, role, scope: project ?? null, expiresAt }
  const { key, plain } = await amongOperators((ctx) => keys.createOperatorKey(ctx, wish))
  const words = [keyLine(key), `key  ${plain}   (shown this once)`]
  const remedy = `The key ${key.id} was not printed: end it with npx . operators keys revoke ${key.id}, and make another.`
  print(json, { ...keyFacts(key), key: plain }, words, remedy)
}

export const operators = group(
  'operators',
  'Manages the operators of the installation: accounts of the built-in project `operators` with roles (owner, admin, support, auditor, viewer) for one project or for all. With --json a command prints { uuid, email, roles, disabled_at }, create also setup_url, list an array; keys print { id, name, key_prefix, role, scope, created_at, expires_at, revoked_at }, create also key.',
  [
    command(
      'create',
      'makes an operator and prints the link by which they set their password; for an operator that is there, changes the role and prints a new link',
      [emailArgument, required('--role <ROLE>', roleWords, oneOf(roles)), forProject, jsonOption],
      create,
    ),
    command('list', 'prints every operator with their roles', [jsonOption], async ({ json }: Given) => {
      const all = await amongOperators(verbs.listOperators)
      print(json, all.map(facts), all.length > 0 ? all.map(line) : 'No operator.')
    }),
    command(
      'set-role',
      'gives an operator another role for a project, or for all',
      [emailArgument, required('--role <ROLE>', roleWords, oneOf(roles)), forProject, jsonOption],
      async (email: string, { role, project, json }: Given) => {
        const scope = project ?? null
        const entry = await amongOperators((ctx) => verbs.setOperatorRole(ctx, email, { role, scope }))
        print(json, facts(entry), line(entry))
      },
    ),
    command(
      'remove',
      'takes the role of an operator for a project, or every role; the account stays',
      [emailArgument, option('--project <ID>', 'the project; default: every role', projectId), jsonOption],
      async (email: string, { project, json }: Given) => {
        const entry = await amongOperators((ctx) => verbs.removeOperatorRole(ctx, email, project))
        print(json, facts(entry), line(entry))
      },
    ),
    group('keys', 'manages operator keys, with which programs call the admin API', [
      command(
        'create',
        'makes a key and prints it, once',
        [
          required('--name <NAME>', 'what it is for', nameOf(maxNameLength)),
          required('--role <ROLE>', roleWords, oneOf(roles)),
          forProject,
          option('--days <N>', 'how long it works', wholeNumber(1, 3650)).default(90),
          jsonOption,
        ],
        createKey,
      ),
      command('list', 'prints every key, active ones first', [jsonOption], async ({ json }: Given) => {
        const all = await amongOperators(keys.listOperatorKeys)
        print(json, all.map(keyFacts), all.length > 0 ? all.map(keyLine) : 'No key.')
      }),
      command(
        'revoke',
        'ends a key at once',
        [argument('<ID>', 'the key, as keys list prints it', notBlank), jsonOption],
        async (id: string, { json }: Given) => {
          const key = await amongOperators((ctx) => keys.revokeOperatorKey(ctx, id))
          print(json, keyFacts(key), keyLine(key))
        },
      ),
    ]),
  ],
)
