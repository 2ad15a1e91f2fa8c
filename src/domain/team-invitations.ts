// Invitations into a team: sent by mail, accepted by the owner of the invited address and by nobody else. What is said to
// who invites is the same whether or not the address has an account.
import { randomUUID } from 'node:crypto'
import { deriveSecret, hashSecret } from '../crypto/secrets.ts'
import type { Store } from '../repositories/store.ts'
import type { TeamInvitation } from '../repositories/team-invitations.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { checkRedirect } from './redirects.ts'
import { join } from './team-members.ts'
import { holdTeam, mustBeAdmin, type TeamActor, type TeamOfUser, type TeamRole } from './teams.ts'
import { normalizeEmail } from './users.ts'

export type { TeamInvitation }

export interface Invite {
  readonly email: string
  readonly role: TeamRole
  readonly redirectTo: string | null
}

/** What the link of an invitation shows before anybody accepts. */
export interface OpenInvitation {
  readonly teamName: string
  readonly email: string
}

/** An invitation as the mail brings it. */
export interface InvitationSecrets {
  readonly token: string
  readonly lifetimeSeconds: number
}

type SignedIn = Exclude<TeamActor, 'operator'>

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
  /** Derives tokens from the ids of invitations, so that a mail which is sent twice carries one link. */
  readonly mailKey: Buffer
}

export function createTeamInvitations({ store, passwords, lockout, mailKey }: Means) {
  const derive = (project: Project, id: string) => deriveSecret('invitation', mailKey, project.id, id)

  /** Redeems a token for the account that has the invited address. */
  async function enter(
    project: Project,
    userId: number,
    token: string,
    from: { sessionId?: string; caller: Caller },
  ): Promise<TeamOfUser> {
    return store.transaction(project.id, async (tx) => {
      const user = await tx.users.lock(project.id, userId)
      if (!user) throw new AuthError('unauthenticated')
      const found = await tx.teamInvitations.findOpen(project.id, hashSecret(token))
      if (found?.email !== user.email) throw new AuthError('invalid_team_invitation')
      if (!user.emailVerifiedAt) throw new AuthError('email_verification_required')
      const { teamId, id, role } = found
      // Only who holds the team may take the invitation: it may have been revoked while we waited.
      const team = await tx.teams.lock(project.id, teamId)
      if (!team || !(await tx.teamInvitations.revoke(project.id, teamId, id)))
        throw new AuthError('invalid_team_invitation')
      if (await join(tx, project, teamId, user, role))
        await record(tx, project, { userId, event: 'team_joined', teamId, ...from })
      const joined = await tx.teams.findOfUser(project.id, userId, teamId)
      if (!joined) throw new Error('A member has no team.')
      return joined
    })
  }

  return {
    /** What is open or on its way, the oldest first; for ADMINs. @throws AuthError team_unknown, team_role_insufficient */
    async list(project: Project, { principal }: SignedIn, teamId: string): Promise<TeamInvitation[]> {
      mustBeAdmin(await store.teamMembers.roleOf(project.id, teamId, principal.user.id))
      return store.teamInvitations.list(project.id, teamId)
    },

    /**
     * Invites the owner of an address, again if need be: the newest invitation counts. The mail is owed in the same
     * transaction, in the language of the account if there is one. Out: the invitation, and its token for an
     * application that delivers mail itself and proved to be it; null otherwise.
     * @throws AuthError redirect_not_allowed, team_unknown, team_role_insufficient, team_member_already,
     *   team_limit_reached
     */
    async create(
      project: Project,
      actor: SignedIn,
      teamId: string,
      { role, ...given }: Invite,
    ): Promise<{ invitation: TeamInvitation; token: string | null }> {
      const email = normalizeEmail(given.email)
      const redirectTo = checkRedirect(project, given.redirectTo)
      const { user, sessionId } = actor.principal
      const { max_invitations, invitation_seconds: lifetimeSeconds } = project.policy.teams
      const byMail = project.policy.verification.delivery === 'email'
      return store.transaction(project.id, async (tx) => {
        const team = await holdTeam(tx, project, actor, teamId)
        if (await tx.teamMembers.findByEmail(project.id, teamId, email))
          throw new AuthError('team_member_already')
        if ((await tx.teamInvitations.countOthers(project.id, teamId, email)) >= max_invitations)
          throw new AuthError('team_limit_reached')
        const id = randomUUID()
        const { plain, hash } = derive(project, id)
        const owned = { id, projectId: project.id, userId: user.id }
        const row = { ...owned, teamId, email, role, lifetimeSeconds, tokenHash: byMail ? null : hash }
        const times = await tx.teamInvitations.put(row)
        await record(tx, project, {
          userId: user.id,
          event: 'team_invitation_sent',
          teamId,
          sessionId,
          caller: actor.caller,
        })
        // Looked up either way: what inviting costs must not tell whether there is an account.
        const locale = (await tx.users.findByEmail(project.id, email))?.locale ?? user.locale
        if (byMail)
          await tx.outbox.owe({
            ...owned,
            kind: 'team_invitation',
            recipient: email,
            details: {
              teamName: team.name,
              ...(redirectTo ? { redirectTo } : {}),
              ...(locale ? { locale } : {}),
            },
          })
        const invitation = { id, teamId, email, role, invitedBy: user.uuid, ...times }
        return { invitation, token: !byMail && actor.caller.provesProject ? plain : null }
      })
    },

    /** Withdraws an invitation. @throws AuthError team_unknown, team_role_insufficient, team_invitation_unknown */
    async revoke(project: Project, actor: SignedIn, teamId: string, id: string): Promise<void> {
      await store.transaction(project.id, async (tx) => {
        await holdTeam(tx, project, actor, teamId)
        if (!(await tx.teamInvitations.revoke(project.id, teamId, id)))
          throw new AuthError('team_invitation_unknown')
      })
    },

    /**
     * Mints for mails that are about to be sent, and sets how long each works from then on. The same mail gets the same
     * token again. One without an entry is no longer owed: its invitation was withdrawn, accepted or replaced.
     */
    async mintForMails(
      mails: readonly { readonly id: string; readonly project: Project }[],
    ): Promise<Map<string, InvitationSecrets>> {
      const minted = new Map<string, InvitationSecrets>()
      // Each in a statement of its own: who removes a team holds several of them in an order of its own.
      for (const { id, project } of mails) {
        const { plain, hash } = derive(project, id)
        const lifetimeSeconds = project.policy.teams.invitation_seconds
        if (await store.teamInvitations.open(project.id, id, hash, lifetimeSeconds))
          minted.set(id, { token: plain, lifetimeSeconds })
      }
      return minted
    },

    /** What a token invites to; null when it works no longer. Changes nothing. */
    look: (project: Project, token: string): Promise<OpenInvitation | null> =>
      store.teamInvitations.findOpen(project.id, hashSecret(token)),

    /**
     * Makes the signed-in owner of the invited address a member, once. Whoever is one already keeps their role.
     * @throws AuthError invalid_team_invitation (also to who has another address), email_verification_required,
     *   team_limit_reached, unauthenticated
     */
    accept(project: Project, { principal, caller }: SignedIn, token: string): Promise<TeamOfUser> {
      const { user, sessionId } = principal
      return enter(project, user.id, token, { sessionId, caller })
    },

    /**
     * The same for who opened the link without being signed in: the password of the account with the invited address is
     * an attempt to sign in, with its cost and its count; no session is opened.
     * @throws AuthError as accept; also invalid_credentials, too_many_attempts, overloaded, account_disabled
     */
    async acceptWithPassword(
      project: Project,
      token: string,
      password: string,
      caller: Caller,
    ): Promise<TeamOfUser> {
      const invitation = await this.look(project, token)
      if (!invitation) throw new AuthError('invalid_team_invitation')
      const attempt = lockout.signInAttempt(project, invitation.email, caller.address)
      const user = await lockout.spend(attempt, async (found) => {
        const fits = await passwords.verify(project, caller, found?.passwordHash ?? null, password)
        // An account whose owner left comes back by signing in, and by nothing less.
        if (!fits || !found?.passwordHash || found.deletionDueAt) throw new AuthError('invalid_credentials')
        await attempt.redeem()
        return found
      })
      if (user.disabledAt) throw new AuthError('account_disabled')
      return enter(project, user.id, token, { caller })
    },
  }
}

export type TeamInvitations = ReturnType<typeof createTeamInvitations>
