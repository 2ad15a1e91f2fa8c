// Teams: made, read, renamed and removed. Only their ADMINs change them; to everybody else they do not exist.
import { randomUUID } from 'node:crypto'
import type { Repositories, Store } from '../repositories/store.ts'
import type { CountedTeam, Membership, TeamOfUser, TeamRole, TeamRow } from '../repositories/teams.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Actor, Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'

export type { CountedTeam, Membership, TeamOfUser, TeamRole }

/** Every role, the highest first. */
export const teamRoles: readonly TeamRole[] = ['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER']

/** Characters of a team's name. */
export const maxTeamName = 100

/** Who acts on a team: a signed-in user from somewhere, or an operator, who may do what its ADMINs may. */
export type TeamActor = { readonly principal: Principal; readonly caller: Caller } | 'operator'

/** Who reads a team: its members, by whatever they came in, and operators. */
export type TeamReader = { readonly principal: Actor } | 'operator'

/**
 * Holds a team for a change and returns it. Whoever changes accounts and teams in one transaction holds the account
 * first.
 * @throws AuthError team_unknown (to who is no member as well), team_role_insufficient (a member who is no ADMIN)
 */
export async function holdTeam(
  tx: Repositories,
  project: Project,
  actor: TeamActor,
  teamId: string,
): Promise<TeamRow> {
  const team = await tx.teams.lock(project.id, teamId)
  if (!team) throw new AuthError('team_unknown')
  if (actor === 'operator') return team
  mustBeAdmin(await tx.teamMembers.roleOf(project.id, teamId, actor.principal.user.id))
  return team
}

/** @throws AuthError team_unknown, team_role_insufficient */
export function mustBeAdmin(role: TeamRole | null): void {
  if (role === null) throw new AuthError('team_unknown')
  if (role !== 'ADMIN') throw new AuthError('team_role_insufficient')
}

/**
 * Before an account can no longer act, in the transaction that ends or locks it.
 * @throws AuthError team_admin_needed where the other members of a team would be left without an ADMIN
 */
export async function mustStrandNoTeam(tx: Repositories, project: Project, userId: number): Promise<void> {
  await tx.users.lock(project.id, userId)
  await tx.teams.lockOfUser(project.id, userId)
  if (await tx.teams.wouldBeStranded(project.id, userId)) throw new AuthError('team_admin_needed')
}

/**
 * Takes an account that leaves out of the way of its teams, in the transaction that ends it: a team that nobody else is
 * in will go with it, and what it invited to is withdrawn.
 * @throws AuthError team_admin_needed where others would be left without an ADMIN
 */
export async function partFromTeams(tx: Repositories, project: Project, userId: number): Promise<void> {
  await mustStrandNoTeam(tx, project, userId)
  await tx.teamInvitations.revokeOfUser(project.id, userId)
}

/** The name as it is kept: trimmed. @throws AuthError team_name_invalid */
function normalizeTeamName(given: string): string {
  const name = given.trim()
  if (name === '' || [...name].length > maxTeamName || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name))
    throw new AuthError('team_name_invalid')
  return name
}

/**
 * Where the trail of an account tells of a team: who acted is written down in their own trail alone, because nobody is
 * shown the network and device of somebody else.
 */
export const actedBy = (actor: TeamActor, userId: number) =>
  actor !== 'operator' && actor.principal.user.id === userId
    ? { sessionId: actor.principal.sessionId, caller: actor.caller }
    : {}

export function createTeams(store: Store) {
  /** A team as its member sees it. @throws AuthError team_unknown */
  async function get(project: Project, { user }: Actor, teamId: string): Promise<TeamOfUser> {
    const team = await store.teams.findOfUser(project.id, user.id, teamId)
    if (!team) throw new AuthError('team_unknown')
    return team
  }

  return {
    /** The teams of a user with their own role in each, the oldest first; at most `teams.max_per_user`. */
    list: (project: Project, { user }: Actor): Promise<TeamOfUser[]> =>
      store.teams.listOfUser(project.id, user.id),

    /** The same for whoever prints a sign-in: names and roles alone, in one prepared statement. */
    memberships: (project: Project, userId: number): Promise<Membership[]> =>
      store.teams.memberships(project.id, userId),

    get,

    /** Makes a team with the user as its ADMIN. @throws AuthError team_name_invalid, team_limit_reached, unauthenticated */
    async create(
      project: Project,
      { principal, caller }: Exclude<TeamActor, 'operator'>,
      given: string,
    ): Promise<TeamOfUser> {
      const name = normalizeTeamName(given)
      const { user, sessionId } = principal
      return store.transaction(project.id, async (tx) => {
        // Held, so that two teams made at once are counted one after the other.
        if (!(await tx.users.lock(project.id, user.id))) throw new AuthError('unauthenticated')
        if ((await tx.teamMembers.countOfUser(project.id, user.id)) >= project.policy.teams.max_per_user)
          throw new AuthError('team_limit_reached')
        const team = await tx.teams.add({ id: randomUUID(), projectId: project.id, name })
        const member = { projectId: project.id, teamId: team.id, userId: user.id, role: 'ADMIN' } as const
        await tx.teamMembers.add(member)
        await record(tx, project, {
          userId: user.id,
          event: 'team_created',
          teamId: team.id,
          sessionId,
          caller,
        })
        return { ...team, role: 'ADMIN', memberCount: 1 }
      })
    },

    /**
     * Gives the team another name. Without one it keeps its own, and who may not rename it is refused all the same.
     * @throws AuthError team_name_invalid, team_unknown, team_role_insufficient
     */
    async rename(
      project: Project,
      actor: TeamActor,
      teamId: string,
      given: string | undefined,
    ): Promise<void> {
      const name = given === undefined ? null : normalizeTeamName(given)
      await store.transaction(project.id, async (tx) => {
        await holdTeam(tx, project, actor, teamId)
        if (name !== null) await tx.teams.rename(project.id, teamId, name)
      })
    },

    /** Removes a team with its members and invitations. @throws AuthError team_unknown, team_role_insufficient */
    async remove(project: Project, actor: TeamActor, teamId: string): Promise<void> {
      await store.transaction(project.id, async (tx) => {
        await holdTeam(tx, project, actor, teamId)
        const own = actor === 'operator' ? null : actor.principal.user.id
        await tx.audit.addForTeam(project.id, teamId, 'team_deleted', own)
        if (own !== null)
          await record(tx, project, { userId: own, event: 'team_deleted', teamId, ...actedBy(actor, own) })
        await tx.teams.remove(project.id, teamId)
      })
    },

    /** Makes a team without members, for an operator. @throws AuthError team_name_invalid */
    createEmpty: (project: Project, given: string): Promise<TeamRow> =>
      store.teams.add({ id: randomUUID(), projectId: project.id, name: normalizeTeamName(given) }),

    /** Every team of the project, for an operator, the oldest first. */
    listAll: (project: Project): Promise<CountedTeam[]> => store.teams.list(project.id),

    /** Any team of the project, for an operator. @throws AuthError team_unknown */
    async find(project: Project, teamId: string): Promise<CountedTeam> {
      const team = await store.teams.find(project.id, teamId)
      if (!team) throw new AuthError('team_unknown')
      return team
    },
  }
}

export type Teams = ReturnType<typeof createTeams>
