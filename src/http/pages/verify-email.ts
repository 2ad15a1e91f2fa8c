// Where the link of a verification mail lands. GET shows a button and consumes nothing, because scanners open links;
// the button's POST confirms.
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import { AuthError } from '../../domain/errors.ts'
import type { Projects } from '../../domain/projects.ts'
import type { Verification } from '../../domain/verification.ts'
import { visitorOf } from '../caller.ts'
import type { Api } from '../typebox.ts'
import { sendPage } from './layout.ts'

export const verifyEmailPath = '/account/verify-email'

/** The link of a verification mail. */
export function verificationLink(publicUrl: string, projectId: string, token: string): string {
  return `${publicUrl}${verifyEmailPath}?${new URLSearchParams({ project: projectId, token })}`
}

interface PageOptions {
  readonly projects: Projects
  readonly verification: Verification
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function sendExpired(reply: FastifyReply): FastifyReply {
  return sendPage(
    reply,
    422,
    'This link no longer works',
    html`<h1>This link no longer works</h1>
<p>It has been used already, it has expired, or a newer mail has replaced it.</p>
<p class="quiet">If your address is not verified yet, ask for another mail in the app where you signed up.</p>`,
  )
}

export async function verifyEmailPage(api: Api, { projects, verification }: PageOptions): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const
  const schema = { hide: true }

  api.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 4096 },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )

  api.get(verifyEmailPath, { schema, config }, async (request, reply) => {
    const { project, token } = request.query as Record<string, unknown>
    if (typeof project !== 'string' || typeof token !== 'string') return sendExpired(reply)
    return sendPage(
      reply,
      200,
      'Verify your e-mail address',
      html`<h1>Verify your e-mail address</h1>
<p>One click, and this address is confirmed as yours.</p>
<form method="post" action="${verifyEmailPath}">
<input type="hidden" name="project" value="${project}">
<input type="hidden" name="token" value="${token}">
<button type="submit">Verify my address</button>
</form>
<p class="quiet">You did not sign up? Close this page; nothing happens.</p>`,
    )
  })

  api.post(verifyEmailPath, { schema, config }, async (request, reply) => {
    const { project, token } = request.body as Record<string, unknown>
    if (typeof project !== 'string' || !uuid.test(project) || typeof token !== 'string')
      return sendExpired(reply)
    try {
      await verification.confirm(await projects.get(project.toLowerCase()), { token }, visitorOf(request))
    } catch (error) {
      if (error instanceof AuthError) return sendExpired(reply)
      throw error
    }
    return sendPage(
      reply,
      200,
      'Your address is verified',
      html`<h1>Your address is verified</h1>
<p>Thank you. You can close this page and go back to the app.</p>`,
    )
  })
}
