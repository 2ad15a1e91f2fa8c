// The error page of a sign-in through a provider. It does not show the reason.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { brandOf, sendPage, titled } from './layout.ts'
import { textsFor } from './texts.ts'

/** Sends the page for a browser that did not begin this sign-in. */
export function sendBrokenFlow(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const texts = textsFor(request, null)
  const { title, why, next } = texts.brokenFlow
  const page = titled(
    title,
    html`<p>${why}</p>
<p class="quiet">${next}</p>`,
    422,
  )
  // Without a project, which may be unknown, the page has no brand.
  const { project } = request as { project?: FastifyRequest['project'] }
  return sendPage(reply, page, { texts, brand: project ? brandOf(project) : null })
}
