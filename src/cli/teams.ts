// npx . teams …
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'
import { createProjects, type Project } from '../domain/projects.ts'
import { createTeamMembers, type TeamMembers } from '../domain/team-members.ts'
import { createTeams, type TeamRole, type Teams, teamRoles } from '../domain/teams.ts'
import { isUuid } from '../domain/uuid.ts'
import { OperatorError } from '../operator.ts'
import { type Command, readOptions, UsageError } from './command.ts'
import { withStore } from './database.ts'

const usage = `Usage:
  npx . teams create --project ID --name NAME
  npx . teams list --project ID
  npx . teams show --project ID --team ID
  npx . teams delete --project ID --team ID
  npx . teams add-member --project ID --team ID --email ADDRESS --role ROLE
  npx . teams set-role --project ID --team ID --email ADDRESS --role ROLE
  npx . teams remove-member --project ID --team ID --email ADDRESS

  ROLE     ${teamRoles.join(', ')}
  --json   print JSON: { id, name }, of a member { team_id, user_uuid, role }; a list as an array,
           show with its members.

A member is added at once, without an invitation. The last ADMIN of a team stays one.`

const options = {
  project: { type: 'string' },
  name: { type: 'string' },
  team: { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Option = Exclude<keyof typeof options, 'json'>

/** The sentences for what an operator can be refused here. */
const sentences: Partial<Record<AuthErrorCode, string>> = {
  team_unknown: 'There is no team with this id in the project.',
  team_name_invalid: 'A name has 1 to 100 characters, without line breaks.',
  team_user_unknown: 'There is no account with this address in the project.',
  team_member_already: 'This account is a member of the team already; see: npx . teams set-role.',
  team_member_unknown: 'This address belongs to no member of the team.',
  team_admin_needed: 'This is the last ADMIN of the team: make another member an ADMIN first.',
  team_limit_reached: 'The team is full, or the account is in too many teams (policy teams).',
}

interface Means {
  readonly project: Project
  readonly teams: Teams
  readonly members: TeamMembers
  readonly json: boolean
}

type Given = Readonly<Record<Option, string>>
type Work = (means: Means, given: Given) => Promise<void>

const say = ({ json }: Means, facts: object, words: string) =>
  console.log(json ? JSON.stringify(facts) : words)

const memberOf = async ({ project, members }: Means, { team, email }: Given) => {
  const wanted = email.trim().toLowerCase()
  const found = (await members.list(project, 'operator', team)).find((member) => member.email === wanted)
  if (!found) throw new AuthError('team_member_unknown')
  return found
}

const asMember = (team_id: string, user_uuid: string, role: TeamRole) => ({ team_id, user_uuid, role })

/** Each verb with the options that it needs, none more and none less. */
const verbs: Record<string, { needs: readonly Option[]; work: Work }> = {
  create: {
    needs: ['name'],
    async work(means, given) {
      const { id, name } = await means.teams.createEmpty(means.project, given.name)
      say(means, { id, name }, `id    ${id}\nname  ${name}`)
    },
  },
  list: {
    needs: [],
    async work(means) {
      const all = await means.teams.listAll(means.project)
      const lines = all.map(({ id, name, memberCount }) => `${id}  ${name} (${memberCount})`)
      say(
        means,
        all.map(({ id, name }) => ({ id, name })),
        lines.join('\n') || 'There is no team.',
      )
    },
  },
  show: {
    needs: ['team'],
    async work(means, { team }) {
      const { id, name } = await means.teams.find(means.project, team)
      const members = await means.members.list(means.project, 'operator', team)
      const lines = members.map(({ userUuid, role, email }) => `${userUuid}  ${role.padEnd(8)}  ${email}`)
      const shown = members.map(({ userUuid, role, email }) => ({ ...asMember(id, userUuid, role), email }))
      say(means, { id, name, members: shown }, [`id    ${id}\nname  ${name}`, ...lines].join('\n'))
    },
  },
  delete: {
    needs: ['team'],
    async work(means, { team }) {
      const { id, name } = await means.teams.find(means.project, team)
      await means.teams.remove(means.project, 'operator', id)
      say(means, { id, name }, `Deleted ${name}.`)
    },
  },
  'add-member': {
    needs: ['team', 'email', 'role'],
    async work(means, { team, email, role }) {
      const added = { email, role: role as TeamRole }
      const { teamId, userUuid } = await means.members.add(means.project, 'operator', team, added)
      say(means, asMember(teamId, userUuid, added.role), `${userUuid}  ${role}`)
    },
  },
  'set-role': {
    needs: ['team', 'email', 'role'],
    async work(means, given) {
      const { userUuid } = await memberOf(means, given)
      const role = given.role as TeamRole
      const { teamId } = await means.members.setRole(means.project, 'operator', given.team, userUuid, role)
      say(means, asMember(teamId, userUuid, role), `${userUuid}  ${role}`)
    },
  },
  'remove-member': {
    needs: ['team', 'email'],
    async work(means, given) {
      const { teamId, userUuid, role } = await memberOf(means, given)
      await means.members.remove(means.project, 'operator', given.team, userUuid)
      say(means, asMember(teamId, userUuid, role), `Removed ${given.email.trim()}.`)
    },
  },
}

/** What the words ask for; nonsense is refused before any database is touched. @throws UsageError, OperatorError */
function understand(words: readonly string[]): { work: Work; given: Given; json: boolean } {
  const { values, positionals } = readOptions(words, options, usage)
  const [verb = '', ...rest] = positionals
  const known = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  if (!known || rest.length > 0) throw new UsageError('That is not a teams command.', usage)
  const { json = false, ...given } = values
  const needs: readonly Option[] = ['project', ...known.needs]
  for (const name of needs)
    if (!given[name]?.trim()) throw new UsageError(`teams ${verb} needs --${name}.`, usage)
  const foreign = (Object.keys(given) as Option[]).find((name) => !needs.includes(name))
  if (foreign) throw new UsageError(`teams ${verb} takes no --${foreign}.`, usage)
  for (const name of ['project', 'team'] as const)
    if (given[name] !== undefined && !isUuid(given[name]))
      throw new OperatorError(`"${given[name]}" is no ${name} id; see the list with: npx . ${name}s list.`)
  if (given.role !== undefined && !teamRoles.some((role) => role === given.role))
    throw new UsageError(`--role must be one of ${teamRoles.join(', ')}.`, usage)
  return { work: known.work, given: given as Given, json }
}

export const command: Command = {
  usage,
  async run(words) {
    const { work, given, json } = understand(words)
    await withStore(async (store) => {
      const project = await createProjects(store).get(given.project.toLowerCase())
      const means = { project, teams: createTeams(store), members: createTeamMembers(store), json }
      await work(means, given).catch((error: unknown) => {
        const sentence = error instanceof AuthError ? sentences[error.code] : undefined
        throw sentence ? new OperatorError(sentence) : error
      })
    })
  },
}
