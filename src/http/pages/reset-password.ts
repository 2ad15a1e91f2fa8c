// Where the link of a reset mail lands: a form for the new password. GET consumes nothing.
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import { AuthError } from '../../domain/errors.ts'
import type { Projects } from '../../domain/projects.ts'
import type { Recovery } from '../../domain/recovery.ts'
import { visitorOf } from '../caller.ts'
import type { Api } from '../typebox.ts'
import { acceptForms, type MailLink, readLink, sendDeadLink, sendPage } from './layout.ts'

const path = '/account/reset-password'

interface ResetOptions {
  readonly projects: Projects
  readonly recovery: Recovery
}

/** What is wrong with a new password, in a sentence; null when nothing is. The same bounds as on the API. */
function complaint(password: string): string | null {
  const length = [...password].length
  if (length < 8) return 'Please choose at least 8 characters.'
  if (length > 255) return 'Please choose at most 255 characters.'
  return password.includes('\0') ? 'This password holds a character that cannot be typed.' : null
}

function sendForm(reply: FastifyReply, link: MailLink, wrong: string | null): FastifyReply {
  return sendPage(
    reply,
    wrong ? 422 : 200,
    'Choose a new password',
    html`<h1>Choose a new password</h1>
<p>At least 8 characters; a few words in a row are better than one with signs. Every device will be signed out.</p>
<form method="post" action="${path}">
<input type="hidden" name="project" value="${link.projectId}">
<input type="hidden" name="token" value="${link.token}">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="8" maxlength="255" required autofocus !${wrong ? 'aria-invalid="true" aria-describedby="wrong"' : ''}>
!${wrong ? html`<p id="wrong" class="wrong" role="alert">${wrong}</p>` : ''}
<button type="submit">Save the new password</button>
</form>
<p class="quiet">You did not ask for this? Close this page; your password stays as it is.</p>`,
  )
}

/** Registers the page: GET shows the form while the link works, POST sets the password, once. */
export async function resetPasswordPage(api: Api, { projects, recovery }: ResetOptions): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const
  const schema = { hide: true }
  acceptForms(api)

  api.get(path, { schema, config }, async (request, reply) => {
    const link = readLink(request.query)
    const project = link && (await projects.get(link.projectId).catch(onlyRefusals))
    if (!link || !project || !(await recovery.isOpen(project, link.token))) return sendDeadLink(reply)
    return sendForm(reply, link, null)
  })

  api.post(path, { schema, config }, async (request, reply) => {
    const link = readLink(request.body)
    const { password } = request.body as { password?: unknown }
    if (!link || typeof password !== 'string') return sendDeadLink(reply)
    const wrong = complaint(password)
    if (wrong) return sendForm(reply, link, wrong)
    try {
      const project = await projects.get(link.projectId)
      await recovery.reset(project, { token: link.token }, password, visitorOf(request))
    } catch (error) {
      if (error instanceof AuthError && error.code !== 'overloaded') return sendDeadLink(reply)
      throw error
    }
    return sendPage(
      reply,
      200,
      'Your password is new',
      html`<h1>Your password is new</h1>
<p>Every device has been signed out. You can close this page and sign in with the new password.</p>`,
    )
  })
}

function onlyRefusals(error: unknown): null {
  if (error instanceof AuthError) return null
  throw error
}
