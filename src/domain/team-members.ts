// Members of a team: added, promoted, demoted, removed; and never without an ADMIN once there was one.
import type { Repositories, Store } from '../repositories/store.ts'
import type { TeamMember } from '../repositories/team-members.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Project } from './projects.ts'
import { actedBy, holdTeam, mustBeAdmin, type TeamActor, type TeamReader, type TeamRole } from './teams.ts'
import { normalizeEmail } from './users.ts'

export type { TeamMember }

/**
 * Makes a user a member, in a transaction that holds the account and then the team. False where they are one already,
 * whose role then stays.
 * @throws AuthError team_limit_reached
 */
export async function join(
  tx: Repositories,
  project: Project,
  teamId: string,
  user: UserRow,
  role: TeamRole,
): Promise<boolean> {
  const { max_members, max_per_user } = project.policy.teams
  if ((await tx.teamMembers.roleOf(project.id, teamId, user.id)) !== null) return false
  if ((await tx.teamMembers.count(project.id, teamId)) >= max_members)
    throw new AuthError('team_limit_reached')
  if ((await tx.teamMembers.countOfUser(project.id, user.id)) >= max_per_user)
    throw new AuthError('team_limit_reached')
  await tx.teamMembers.add({ projectId: project.id, teamId, userId: user.id, role })
  return true
}

async function found(
  tx: Repositories,
  project: Project,
  teamId: string,
  userUuid: string,
): Promise<TeamMember> {
  const member = await tx.teamMembers.find(project.id, teamId, userUuid)
  if (!member) throw new AuthError('team_member_unknown')
  return member
}

/** Before an ADMIN ceases to be one, in a transaction that holds the team. @throws AuthError team_admin_needed */
async function ceasing(tx: Repositories, project: Project, { teamId, userId, role }: TeamMember) {
  if (role !== 'ADMIN') return
  if (!(await tx.teamMembers.hasOtherAdmin(project.id, teamId, userId)))
    throw new AuthError('team_admin_needed')
  // An invitation stands for as long as an ADMIN speaks for it: nobody comes back by one that they sent before.
  await tx.teamInvitations.revokeOfUser(project.id, userId, teamId)
}

export function createTeamMembers(store: Store) {
  /** @throws AuthError team_unknown */
  async function mustSee(project: Project, actor: TeamReader, teamId: string): Promise<TeamRole | null> {
    if (actor !== 'operator') {
      const role = await store.teamMembers.roleOf(project.id, teamId, actor.principal.user.id)
      if (role === null) throw new AuthError('team_unknown')
      return role
    }
    if (!(await store.teams.find(project.id, teamId))) throw new AuthError('team_unknown')
    return null
  }

  return {
    /** The members, the highest role first; every member may read them. @throws AuthError team_unknown */
    async list(project: Project, actor: TeamReader, teamId: string): Promise<TeamMember[]> {
      await mustSee(project, actor, teamId)
      return store.teamMembers.list(project.id, teamId)
    },

    /**
     * Adds the owner of an address at once. It tells whether there is such an account, so it is for operators and for
     * callers that proved to be the application; everybody else invites.
     * @throws AuthError team_unknown, team_role_insufficient, team_user_unknown, team_member_already, team_limit_reached
     */
    async add(
      project: Project,
      actor: TeamActor,
      teamId: string,
      { email: given, role }: { email: string; role: TeamRole },
    ): Promise<TeamMember> {
      const email = normalizeEmail(given)
      const own = await mustSee(project, actor, teamId)
      if (actor !== 'operator') mustBeAdmin(own)
      return store.transaction(project.id, async (tx) => {
        const account = await tx.users.findByEmail(project.id, email)
        const user = account && (await tx.users.lock(project.id, account.id))
        await holdTeam(tx, project, actor, teamId)
        if (!user || user.deletionDueAt) throw new AuthError('team_user_unknown')
        if (!(await join(tx, project, teamId, user, role))) throw new AuthError('team_member_already')
        await tx.teamInvitations.revokeForEmail(project.id, teamId, email)
        await record(tx, project, {
          userId: user.id,
          event: 'team_joined',
          teamId,
          ...actedBy(actor, user.id),
        })
        return found(tx, project, teamId, user.uuid)
      })
    },

    /**
     * Gives a member another role. Only ADMINs do, and no role is above theirs.
     * @throws AuthError team_unknown, team_role_insufficient, team_member_unknown, team_admin_needed
     */
    setRole: (
      project: Project,
      actor: TeamActor,
      teamId: string,
      userUuid: string,
      role: TeamRole,
    ): Promise<TeamMember> =>
      store.transaction(project.id, async (tx) => {
        await holdTeam(tx, project, actor, teamId)
        const member = await found(tx, project, teamId, userUuid)
        if (member.role === role) return member
        await ceasing(tx, project, member)
        await tx.teamMembers.setRole(project.id, teamId, member.userId, role)
        const { userId } = member
        await record(tx, project, { userId, event: 'team_role_changed', teamId, ...actedBy(actor, userId) })
        return { ...member, role }
      }),

    /**
     * Removes a member; everybody may leave by themself.
     * @throws AuthError team_unknown, team_role_insufficient, team_member_unknown, team_admin_needed
     */
    async remove(project: Project, actor: TeamActor, teamId: string, userUuid: string): Promise<void> {
      const leaves = actor !== 'operator' && actor.principal.user.uuid === userUuid.toLowerCase()
      await store.transaction(project.id, async (tx) => {
        if (leaves) await tx.teams.lock(project.id, teamId)
        else await holdTeam(tx, project, actor, teamId)
        const member = await tx.teamMembers.find(project.id, teamId, userUuid)
        if (!member) throw new AuthError(leaves ? 'team_unknown' : 'team_member_unknown')
        await ceasing(tx, project, member)
        await tx.teamMembers.remove(project.id, teamId, member.userId)
        const event = leaves ? 'team_left' : 'team_removed'
        await record(tx, project, { userId: member.userId, event, teamId, ...actedBy(actor, member.userId) })
      })
    },
  }
}

export type TeamMembers = ReturnType<typeof createTeamMembers>
