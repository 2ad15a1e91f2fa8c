// Invitations to a team: sent by mail, and accepted only by the owner of the invited address. The inviting member gets the same
// answer whether or not the address has an account.
import { randomUUID } from 'node:crypto'
import { deriveSecret, hashSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { findUserByEmail, lockUser, markEmailVerified } from '../../repositories/accounts/users.ts'
import { queueMail } from '../../repositories/mail/mail-queue.ts'
import * as rows from '../../repositories/teams/invitations.ts'
import { findMemberByEmail, findMemberRole } from '../../repositories/teams/members.ts'
import { findTeamOfUser, lockTeam } from '../../repositories/teams/teams.ts'
import { record } from '../audit/audit.ts'
import {
  type Context,
  inTransaction,
  type ServiceKeys,
  type Services,
  type SignedInContext,
} from '../context.ts'
import type { MailSecrets } from '../credentials/mailed-tokens.ts'
import { proveAccount } from '../credentials/sign-in.ts'
import { AuthError } from '../errors.ts'
import type { Project } from '../projects/projects.ts'
import { checkRedirect } from '../projects/redirects.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'
import { addMember, joinTeam, type TeamMember } from './members.ts'
import { lockTeamForChange, mustBeAdmin, type TeamOfUser, type TeamRole } from './teams.ts'

export type TeamInvitation = rows.TeamInvitation

export interface Invite {
  readonly email: string
  readonly role: TeamRole
  /** URL of the application to which the page of the invitation leads after accepting; null: none. */
  readonly redirectTo: string | null
}

/** An invitation. Its token is for an application that delivers mail itself and presented the project's secret; else null. */
export interface Invited {
  readonly invitation: TeamInvitation
  readonly token: string | null
}

/** The facts that the page of an invitation shows before it is accepted. */
export interface OpenInvitation {
  readonly teamName: string
  readonly email: string
}

/** Derives the token from the invitation's id, so that a mail that is sent twice has the same link. */
const deriveToken = (keys: ServiceKeys, projectId: string, id: string) =>
  deriveSecret('invitation', keys.mail, projectId, id)

/** Lists invitations that are open or whose mail is queued. @throws AuthError team_unknown, team_role_insufficient */
export async function listInvitations(ctx: SignedInContext, teamId: string): Promise<TeamInvitation[]> {
  mustBeAdmin(await findMemberRole(ctx.store, teamId, ctx.actor.user.id))
  return rows.listInvitations(ctx.store, teamId)
}

/**
 * Invites the owner of an address. A new invitation replaces an earlier one for the same address. The inviting user must have a
 * proven address.
 * @throws AuthError redirect_not_allowed, email_verification_required, team_unknown, team_role_insufficient,
 *   team_member_already, team_limit_reached, too_many_attempts (the invited address has reached its mail limit)
 */
export async function invite(
  ctx: SignedInContext,
  teamId: string,
  { role, ...given }: Invite,
): Promise<Invited> {
  const email = normalizeEmail(given.email)
  const redirectTo = checkRedirect(ctx.project, given.redirectTo)
  const { user } = ctx.actor
  const { max_invitations, invitation_seconds: lifetimeSeconds } = ctx.project.policy.teams
  const byMail = ctx.project.policy.verification.delivery === 'email'
  const invited = await inTransaction(ctx, async (tx) => {
    const team = await lockTeamForChange(tx, teamId)
    if (!user.emailVerifiedAt) throw new AuthError('email_verification_required')
    if (await findMemberByEmail(tx.store, teamId, email)) throw new AuthError('team_member_already')
    if ((await rows.countOtherInvitations(tx.store, teamId, email)) >= max_invitations)
      throw new AuthError('team_limit_reached')
    const retryAfterSeconds = await takeMailCap(tx, 'team_invitation', { email })
    // Returned instead of thrown, so that the count of suppressed mails is committed.
    if (retryAfterSeconds > 0) return new AuthError('too_many_attempts', { retryAfterSeconds })
    const id = randomUUID()
    const { plain, hash } = deriveToken(tx.services.keys, tx.project.id, id)
    const row = { id, userId: user.id, teamId, email, role, lifetimeSeconds, tokenHash: byMail ? null : hash }
    const times = await rows.insertInvitation(tx.store, row)
    await record(tx, 'team_invitation_sent', { userId: user.id, teamId })
    // Always looked up: the time of the request must not show whether the address has an account.
    const locale = (await findUserByEmail(tx.store, email))?.locale ?? user.locale
    const details = {
      teamName: team.name,
      teamRole: role,
      ...(redirectTo ? { redirectTo } : {}),
      ...(locale ? { locale } : {}),
    }
    // The mail has the invitation's id, from which its token is derived.
    if (byMail)
      await queueMail(tx.store, { id, kind: 'team_invitation', userId: user.id, recipient: email, details })
    const invitation = { id, teamId, email, role, invitedBy: user.uuid, ...times }
    return { invitation, token: !byMail && tx.caller.provesProject ? plain : null }
  })
  if (invited instanceof AuthError) throw invited
  return invited
}

/** Adds the owner of an address, if the application presented the project's secret; else invites them. @throws as both */
export async function addOrInvite(
  ctx: SignedInContext,
  teamId: string,
  wish: Invite,
): Promise<{ readonly member: TeamMember } | Invited> {
  if (ctx.caller.provesProject) return { member: await addMember(ctx, teamId, wish) }
  return invite(ctx, teamId, wish)
}

/** Revokes an invitation. @throws AuthError team_unknown, team_role_insufficient, team_invitation_unknown */
export async function revokeInvitation(ctx: SignedInContext, teamId: string, id: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    await lockTeamForChange(tx, teamId)
    if (!(await rows.deleteInvitation(tx.store, teamId, id))) throw new AuthError('team_invitation_unknown')
  })
}

/**
 * Creates the tokens of invitation mails that are about to be sent, and starts their lifetimes. A mail gets the same token each time.
 * @returns the tokens by mail id; an invitation without an entry was revoked, accepted or replaced
 */
export async function mintForInvitations(
  { stores, keys }: Pick<Services, 'stores' | 'keys'>,
  mails: readonly { readonly id: string; readonly project: Project }[],
): Promise<Map<string, Omit<MailSecrets, 'code'>>> {
  const minted = new Map<string, Omit<MailSecrets, 'code'>>()
  // One transaction for each invitation: the deletion of a team locks several in another order, which could deadlock.
  for (const { id, project } of mails) {
    const { plain, hash } = deriveToken(keys, project.id, id)
    const lifetimeSeconds = project.policy.teams.invitation_seconds
    if (await rows.setInvitationToken(stores.forProject(project.id), id, hash, lifetimeSeconds))
      minted.set(id, { token: plain, lifetimeSeconds })
  }
  return minted
}

/** Finds the open invitation of a token; null: the token does not work any more. */
export function lookUpInvitation(ctx: Context, token: string): Promise<OpenInvitation | null> {
  return rows.findOpenInvitation(ctx.store, hashSecret(token))
}

/**
 * Accepts an invitation as the signed-in owner of the invited address, once. An existing member keeps their role.
 * @throws AuthError invalid_team_invitation, email_verification_required, team_limit_reached, unauthenticated
 */
export function acceptInvitation(ctx: SignedInContext, token: string): Promise<TeamOfUser> {
  return redeemInvitation(ctx, ctx.actor.user.id, token)
}

/**
 * Accepts an invitation with the password of the invited account. It counts as an attempt to sign in, and opens no session.
 * @throws AuthError as `acceptInvitation`; also invalid_credentials, too_many_attempts, overloaded, account_disabled
 */
export async function acceptInvitationWithPassword(
  ctx: Context,
  token: string,
  password: string,
): Promise<TeamOfUser> {
  const invitation = await lookUpInvitation(ctx, token)
  if (!invitation) throw new AuthError('invalid_team_invitation')
  // Only a sign-in restores an account whose deletion is pending.
  const { user } = await proveAccount(ctx, { email: invitation.email, password }, { restorable: false })
  if (user.disabledAt) throw new AuthError('account_disabled')
  return redeemInvitation(ctx, user.id, token)
}

function redeemInvitation(ctx: Context, userId: number, token: string): Promise<TeamOfUser> {
  return inTransaction(ctx, async (tx) => {
    const user = await lockUser(tx.store, userId)
    if (!user) throw new AuthError('unauthenticated')
    const found = await rows.findOpenInvitation(tx.store, hashSecret(token))
    if (found?.email !== user.email) throw new AuthError('invalid_team_invitation')
    if (!user.emailVerifiedAt) throw new AuthError('email_verification_required')
    // The token of the mail and the account's session or password together prove that the holder of the account owns the address.
    await markEmailVerified(tx.store, userId, user.email, 'holder')
    const { teamId, id, role } = found
    // Deleted under the lock of the team, because it may have been revoked while this transaction waited for the lock.
    const team = await lockTeam(tx.store, teamId)
    if (!team || !(await rows.deleteInvitation(tx.store, teamId, id)))
      throw new AuthError('invalid_team_invitation')
    if (await joinTeam(tx, teamId, user, role)) await record(tx, 'team_joined', { userId, teamId })
    const joined = await findTeamOfUser(tx.store, userId, teamId)
    if (!joined) throw new Error('A member has no team.')
    return joined
  })
}
