// Where the link of an invitation lands: what it is for, and a form for the password of the account that joins. GET
// consumes nothing, and nobody is signed in by it.
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import { AuthError, type AuthErrorCode } from '../../domain/errors.ts'
import type { Projects } from '../../domain/projects.ts'
import type { OpenInvitation, TeamInvitations } from '../../domain/team-invitations.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { visitorOf } from '../caller.ts'
import type { Api } from '../typebox.ts'
import { acceptForms, type MailLink, readLink, sendDeadLink, sendPage } from './layout.ts'

const path = '/account/team-invitation'

interface InvitationOptions {
  readonly projects: Projects
  readonly teamInvitations: TeamInvitations
  readonly metrics: Pick<Metrics, 'lockedOut'>
}

/** What a person can do something about, with its status; every other refusal is a dead link. */
const complaints: Partial<Record<AuthErrorCode, readonly [status: number, sentence: string]>> = {
  invalid_credentials: [422, 'The password is wrong, or there is no account with this address.'],
  too_many_attempts: [429, 'There were too many attempts. Please wait a while, then try again.'],
  email_verification_required: [403, 'Please verify your e-mail address first, then try again.'],
  account_disabled: [403, 'This account is disabled.'],
  team_limit_reached: [409, 'You are in too many teams, or this team is full.'],
}

function sendForm(
  reply: FastifyReply,
  link: MailLink,
  { teamName, email }: OpenInvitation,
  [status, wrong]: readonly [status: number, sentence: string | null] = [200, null],
): FastifyReply {
  return sendPage(
    reply,
    status,
    'Join a team',
    html`<h1>Join the team ${teamName}</h1>
<p>You join with the account of <bdi>${email}</bdi>. Type its password to accept.</p>
<form method="post" action="${path}">
<input type="hidden" name="project" value="${link.projectId}">
<input type="hidden" name="token" value="${link.token}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required autofocus !${wrong ? 'aria-invalid="true" aria-describedby="wrong"' : ''}>
!${wrong ? html`<p id="wrong" class="wrong" role="alert">${wrong}</p>` : ''}
<button type="submit">Join the team</button>
</form>
<p class="quiet">No account yet? Sign up with this address in the app, then open the link again. Not expected? Close this page; nothing happens.</p>`,
  )
}

/** Registers the page: GET shows the invitation while the link works, POST accepts it, once. */
export async function teamInvitationPage(
  api: Api,
  { projects, teamInvitations, metrics }: InvitationOptions,
): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const
  const schema = { hide: true }
  acceptForms(api)

  /** The project and the invitation of a link that works; null for every other. */
  async function open(link: MailLink | null) {
    if (!link) return null
    const project = await projects.get(link.projectId).catch(onlyRefusals)
    const invitation = project && (await teamInvitations.look(project, link.token))
    return invitation ? { link, project, invitation } : null
  }

  api.get(path, { schema, config }, async (request, reply) => {
    const found = await open(readLink(request.query))
    return found ? sendForm(reply, found.link, found.invitation) : sendDeadLink(reply)
  })

  api.post(path, { schema, config }, async (request, reply) => {
    const found = await open(readLink(request.body))
    const { password } = request.body as { password?: unknown }
    if (!found || typeof password !== 'string' || password.length > 1024) return sendDeadLink(reply)
    const { link, project, invitation } = found
    try {
      await teamInvitations.acceptWithPassword(project, link.token, password, visitorOf(request))
    } catch (error) {
      if (!(error instanceof AuthError) || error.code === 'overloaded') throw error
      if (error.code === 'too_many_attempts') metrics.lockedOut()
      const complaint = complaints[error.code]
      return complaint ? sendForm(reply, link, invitation, complaint) : sendDeadLink(reply)
    }
    return sendPage(
      reply,
      200,
      'You are in the team',
      html`<h1>You are in the team ${invitation.teamName}</h1>
<p>You can close this page and go on in the app.</p>`,
    )
  })
}

function onlyRefusals(error: unknown): null {
  if (error instanceof AuthError) return null
  throw error
}
