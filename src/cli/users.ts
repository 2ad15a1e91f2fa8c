// npx . users …
import { readConfig } from '../config.ts'
import { defaultParameters, loadArgon2, passwordBytes } from '../crypto/passwords.ts'
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'
import { createPeople, type People } from '../domain/people.ts'
import { createProjects, type Project } from '../domain/projects.ts'
import { isUuid } from '../domain/uuid.ts'
import { userView } from '../http/views.ts'
import { OperatorError } from '../operator.ts'
import type { Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { type Command, readOptions, UsageError } from './command.ts'
import { withStore } from './database.ts'
import { checkReadable, importFile, type Report } from './people-file.ts'

const usage = `Usage:
  npx . users create --project ID --email ADDRESS [--password PASSWORD] [--first-name NAME] [--last-name NAME]
                     [--display-name NAME] [--role user|admin] [--verified]
  npx . users list --project ID [--after ID] [--limit N]
  npx . users show --project ID --email ADDRESS
  npx . users set-role --project ID --email ADDRESS --role user|admin
  npx . users disable --project ID --email ADDRESS [--force]
  npx . users enable --project ID --email ADDRESS
  npx . users delete --project ID --email ADDRESS
  npx . users import --project ID --file FILE

  --json   print JSON: the user as GET /me shows them, a list as an array, a report as an object.

create   sends no mail. Without --password the account has none: its owner chooses one with "forgot password".
         --password - reads one line of standard input. --verified: you vouch for the address.
disable  refuses the account everywhere and ends its sessions at once; enable lets it sign in again. --force: also the
         last ADMIN of a team that has other members.
delete   removes the account and all that hangs on it at once.
list     the oldest first, 100 at most; --after the id of the last one goes on.
import   adds people from a JSON array or JSON lines. Who has an account stays as they are, so that a file can be
         imported again. Fields: email; password_hash (PHC string of argon2id), email_verified_at, display_name,
         first_name, last_name, role, locale, metadata, uuid, created_at.`

const options = {
  project: { type: 'string' },
  email: { type: 'string' },
  password: { type: 'string' },
  'first-name': { type: 'string' },
  'last-name': { type: 'string' },
  'display-name': { type: 'string' },
  role: { type: 'string' },
  verified: { type: 'boolean' },
  force: { type: 'boolean' },
  after: { type: 'string' },
  limit: { type: 'string' },
  file: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Option = Exclude<keyof typeof options, 'json' | 'project'>
type Flag = 'verified' | 'force'
type Given = Partial<Readonly<Record<Exclude<Option, Flag>, string> & Record<Flag, boolean>>>

/** The sentences for what an operator can be refused here. */
const sentences: Partial<Record<AuthErrorCode, string>> = {
  account_unknown: 'There is no account with this address in the project.',
  email_taken: 'There is an account with this address in the project already.',
  team_admin_needed:
    'A team would be left without an ADMIN: make another of its members one first, with: npx . teams set-role. An account that must be locked at once: users disable --force.',
}

interface Means {
  readonly people: People
  readonly project: Project
  readonly store: Store
}

/** What a verb does with the database; the result is printed. */
type Work = (means: Means) => Promise<UserRow | readonly UserRow[] | Report>

interface Verb {
  readonly needs: readonly Option[]
  readonly takes?: readonly Option[]
  /** Refuses nonsense before any database is touched. */
  understand(given: Given): Work | Promise<Work>
}

function roleOf(text: string | undefined): UserRow['role'] {
  if (text === 'user' || text === 'admin') return text
  throw new UsageError('--role must be user or admin.', usage)
}

function wholeNumber(name: string, text: string | undefined, otherwise: number, most: number): number {
  const number = Number(text ?? otherwise)
  if (Number.isInteger(number) && number >= 1 && number <= most) return number
  throw new UsageError(`--${name} must be a whole number from 1 to ${most}.`, usage)
}

/** The first line of standard input. */
async function readLine(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text.replace(/\r?\n[\s\S]*$/, '')
}

/** A verb about the account of --email. */
const about = (
  work: (means: Means, email: string, given: Given) => Promise<UserRow>,
  ...needs: Option[]
): Verb => ({
  needs: ['email', ...needs],
  understand: (given) => {
    if (needs.includes('role')) roleOf(given.role)
    return (means) => work(means, given.email ?? '', given)
  },
})

const verbs: Record<string, Verb> = {
  create: {
    needs: ['email'],
    takes: ['password', 'first-name', 'last-name', 'display-name', 'role', 'verified'],
    async understand(given) {
      const password = given.password === '-' ? await readLine() : (given.password ?? null)
      const person = {
        email: given.email ?? '',
        password,
        firstName: given['first-name'] ?? null,
        lastName: given['last-name'] ?? null,
        displayName: given['display-name'] ?? null,
        role: roleOf(given.role ?? 'user'),
        verified: given.verified ?? false,
      }
      return async ({ people, project }) => {
        const user = await people.create(project, person)
        if (password === null)
          console.error('No password was given: the account has none until its owner asks for a reset mail.')
        return user
      }
    },
  },
  list: {
    needs: [],
    takes: ['after', 'limit'],
    understand: (given) => {
      const limit = wholeNumber('limit', given.limit, 100, 10_000)
      const after =
        given.after === undefined ? null : wholeNumber('after', given.after, 0, Number.MAX_SAFE_INTEGER)
      return ({ people, project }) => people.list(project, after, limit)
    },
  },
  show: about(({ people, project }, email) => people.find(project, email)),
  'set-role': about(
    ({ people, project }, email, { role }) => people.setRole(project, email, roleOf(role)),
    'role',
  ),
  disable: {
    ...about(({ people, project }, email, { force = false }) =>
      people.setDisabled(project, email, true, { force }),
    ),
    takes: ['force'],
  },
  enable: about(({ people, project }, email) => people.setDisabled(project, email, false)),
  delete: about(({ people, project }, email) => people.remove(project, email)),
  import: {
    needs: ['file'],
    async understand({ file = '' }) {
      await checkReadable(file)
      return ({ store, project }) => importFile(store, project, file)
    },
  },
}

const line = (user: UserRow) =>
  `${String(user.id).padEnd(8)} ${user.uuid}  ${user.email}  ${user.role}${user.emailVerifiedAt ? '  verified' : ''}${user.disabledAt ? '  disabled' : ''}`

function print(result: Awaited<ReturnType<Work>>, json: boolean): void {
  const view = userView(readConfig().publicUrl)
  if ('read' in result) {
    const { read, created, existing, refused } = result
    if (json) console.log(JSON.stringify(result))
    else {
      for (const { line, reason } of refused) console.error(`${line}: ${reason}`)
      console.log(`${read} read, ${created} created, ${existing} there already, ${refused.length} refused`)
    }
    if (refused.length > 0) process.exitCode = 1
  } else if (Array.isArray(result)) {
    if (json) console.log(JSON.stringify(result.map(view)))
    else for (const user of result) console.log(line(user))
  } else if (json) console.log(JSON.stringify(view(result as UserRow)))
  else printUser(result as UserRow, view(result as UserRow))
}

function printUser({ disabledAt }: UserRow, shown: object): void {
  for (const [name, value] of Object.entries({ ...shown, disabled_at: disabledAt?.toISOString() }))
    if (value !== null && value !== undefined)
      console.log(`${name.padEnd(18)} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
}

export const command: Command = {
  usage,
  async run(words) {
    const { values, positionals } = readOptions(words, options, usage)
    const { project: projectId, json = false, ...given } = values
    const [name = '', ...rest] = positionals
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
    if (!verb || rest.length > 0) throw new UsageError('That is not a users command.', usage)
    const taken: readonly string[] = [...verb.needs, ...(verb.takes ?? [])]
    const foreign = Object.keys(given).find((option) => !taken.includes(option))
    if (foreign) throw new UsageError(`users ${name} takes no --${foreign}.`, usage)
    const missing = verb.needs.find((option) => given[option] === undefined)
    if (missing) throw new UsageError(`users ${name} needs --${missing}.`, usage)
    if (projectId === undefined) throw new UsageError(`users ${name} needs --project.`, usage)
    if (!isUuid(projectId))
      throw new OperatorError(`"${projectId}" is no project id; see the list with: npx . projects list.`)
    const work = await verb.understand(given)

    // Loaded only where a password is hashed: the other verbs answer sooner without it.
    const hash = async (_project: Project, password: string) =>
      (await loadArgon2()).hash(passwordBytes(password), defaultParameters)
    try {
      await withStore(async (store) => {
        const project = await createProjects(store).get(projectId.toLowerCase())
        print(await work({ people: createPeople({ store, hash }), project, store }), json)
      })
    } catch (error) {
      const sentence = error instanceof AuthError ? sentences[error.code] : undefined
      throw sentence ? new OperatorError(sentence) : error
    }
  },
}
