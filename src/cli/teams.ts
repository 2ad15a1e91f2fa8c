// npx . teams …
import type { OperatorContext } from '../domain/context.ts'
import { AuthError } from '../domain/errors.ts'
import {
  addMember,
  listMembers,
  removeMember,
  setMemberRole,
  type TeamMember,
} from '../domain/teams/members.ts'
import {
  createEmptyTeam,
  deleteTeam,
  findTeam,
  listAllTeams,
  type TeamRole,
  teamRoles,
} from '../domain/teams/teams.ts'
import {
  emailOption,
  group,
  idOf,
  notBlank,
  oneOf,
  option,
  type ProjectOptions,
  required,
} from './options.ts'
import { projectCommands } from './project-command.ts'

/** The options of all commands; each has those that it declares. */
interface Given extends ProjectOptions {
  readonly force?: boolean
  readonly name: string
  readonly team: string
  readonly email: string
  readonly role: TeamRole
}

const command = projectCommands<Given>({
  account_unproven:
    'The holder of this account has not proven the address, so it may be the account of another person. To add it nevertheless: --force.',
  team_unknown: 'There is no team with this id in the project.',
  team_name_invalid: 'A name has 1 to 100 characters, without line breaks.',
  team_user_unknown: 'There is no account with this address in the project.',
  team_member_already: 'This account is a member of the team already; see: npx . teams set-role.',
  team_member_unknown: 'No member of the team has this address.',
  team_admin_needed: 'This is the last ADMIN of the team: make another member an ADMIN first.',
  team_limit_reached: 'The team is full, or the account is in too many teams (policy teams).',
})

const teamOption = required('--team <ID>', 'the team', idOf('team', 'teams list'))
const roleOption = required('--role <ROLE>', teamRoles.join(', '), oneOf(teamRoles))

type Member = Pick<TeamMember, 'teamId' | 'userUuid' | 'role'>

const memberFacts = ({ teamId: team_id, userUuid: user_uuid, role }: Member) => ({ team_id, user_uuid, role })
const memberLine = ({ userUuid, role }: Member) => `${userUuid}  ${role}`

async function memberOf(ctx: OperatorContext, { team, email }: Given): Promise<TeamMember> {
  const wanted = email.toLowerCase()
  const found = (await listMembers(ctx, team)).find((member) => member.email === wanted)
  if (!found) throw new AuthError('team_member_unknown')
  return found
}

export const teams = group(
  'teams',
  'Manages the teams of a project. A member is added at once, without an invitation. The last ADMIN of a team stays one. With --json a command prints { id, name }, list an array of these, show also the members; a command about a member prints { team_id, user_uuid, role }.',
  [
    command(
      'create',
      'makes a team without members',
      [required('--name <NAME>', 'its name', notBlank)],
      async (ctx, given) => {
        const { id, name } = await createEmptyTeam(ctx, given.name)
        return [{ id, name }, [`id    ${id}`, `name  ${name}`]]
      },
    ),
    command('list', 'prints the teams of a project', [], async (ctx) => {
      const all = await listAllTeams(ctx)
      const lines = all.map(({ id, name, memberCount }) => `${id}  ${name} (${memberCount})`)
      return [all.map(({ id, name }) => ({ id, name })), lines.length > 0 ? lines : 'There is no team.']
    }),
    command('show', 'prints a team and its members', [teamOption], async (ctx, { team }) => {
      const { id, name } = await findTeam(ctx, team)
      const listed = await listMembers(ctx, team)
      const lines = listed.map(({ userUuid, role, email }) => `${userUuid}  ${role.padEnd(8)}  ${email}`)
      const members = listed.map((member) => ({ ...memberFacts(member), email: member.email }))
      return [{ id, name, members }, [`id    ${id}`, `name  ${name}`, ...lines]]
    }),
    command('delete', 'deletes a team', [teamOption], async (ctx, { team }) => {
      const { id, name } = await findTeam(ctx, team)
      await deleteTeam(ctx, id)
      return [{ id, name }, `Deleted ${name}.`]
    }),
    command(
      'add-member',
      'adds an account to a team',
      [
        teamOption,
        emailOption,
        roleOption,
        option('--force', 'also where the holder has not proven the address'),
      ],
      async (ctx, { team, email, role, force = false }) => {
        const added = await addMember(ctx, team, { email, role, force })
        return [memberFacts(added), memberLine(added)]
      },
    ),
    command(
      'set-role',
      'changes the role of a member',
      [teamOption, emailOption, roleOption],
      async (ctx, given) => {
        const { userUuid } = await memberOf(ctx, given)
        const changed = await setMemberRole(ctx, given.team, userUuid, given.role)
        return [memberFacts(changed), memberLine(changed)]
      },
    ),
    command(
      'remove-member',
      'removes a member from a team',
      [teamOption, emailOption],
      async (ctx, given) => {
        const member = await memberOf(ctx, given)
        await removeMember(ctx, given.team, member.userUuid)
        return [memberFacts(member), `Removed ${given.email}.`]
      },
    ),
  ],
)
