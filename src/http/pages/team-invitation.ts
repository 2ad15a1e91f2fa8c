// The page of an invitation's link: the team, and a form for the password of the account that joins. It opens no session.
import { html } from 'ghtml'
import type { Services } from '../../domain/context.ts'
import {
  acceptInvitationWithPassword,
  lookUpInvitation,
  type OpenInvitation,
} from '../../domain/teams/invitations.ts'
import { fill } from '../../formats.ts'
import type { Metrics } from '../../observability/metrics.ts'
import type { Api } from '../typebox.ts'
import type { Page } from './layout.ts'
import { actOrComplain, type Complaints, linkForm, linkPage, passwordField, type Visit } from './link-page.ts'
import { type Texts, withValue } from './texts.ts'

const path = '/account/team-invitation'

/** Refusals that the person can act on; every other one is shown as a link that no longer works. */
const complaints = ({ team, tooManyAttempts }: Texts): Complaints => ({
  invalid_credentials: [422, team.wrong],
  too_many_attempts: [429, tooManyAttempts],
  email_verification_required: [403, team.unverified],
  account_disabled: [403, team.disabled],
  team_limit_reached: [409, team.full],
})

const field = 'autocomplete="current-password" maxlength="1024"'

function form(
  visit: Visit,
  { teamName, email }: OpenInvitation,
  [status, wrong]: readonly [status: number, sentence: string | null] = [200, null],
): Page {
  const { team, password } = visit.texts
  return {
    status,
    title: team.title,
    body: html`<h1>!${withValue(team.heading, 'team', teamName)}</h1>
<p>!${withValue(team.lead, 'email', email)}</p>
!${linkForm(path, visit, team.button, passwordField(password, field, wrong))}
<p class="quiet">${team.otherwise}</p>`,
  }
}

/** Registers the page: GET shows the invitation while the link works, POST accepts it, once. */
export function teamInvitationPage(api: Api, services: Services, metrics: Pick<Metrics, 'lockedOut'>): void {
  linkPage(api, services, {
    path,
    async show(visit) {
      const invitation = await lookUpInvitation(await visit.context(), visit.token)
      return invitation && form(visit, invitation)
    },
    async submit(visit) {
      const { token, password } = visit
      const { team } = visit.texts
      const ctx = await visit.context()
      const invitation = await lookUpInvitation(ctx, token)
      if (!invitation || password === null || password.length > 1024) return null
      const accept = async (): Promise<Page> => {
        await acceptInvitationWithPassword(ctx, token, password)
        return {
          title: fill(team.doneTitle, { team: invitation.teamName }),
          body: html`<h1>!${withValue(team.doneTitle, 'team', invitation.teamName)}</h1>
<p>${team.done}</p>`,
        }
      }
      return actOrComplain(complaints(visit.texts), accept, (complaint, code) => {
        if (code === 'too_many_attempts') metrics.lockedOut()
        return form(visit, invitation, complaint)
      })
    },
  })
}
