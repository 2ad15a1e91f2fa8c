// What a person sees whose sign-in by a provider cannot go on: the page that says so, and nothing of why.
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import { sendPage } from './layout.ts'

/** Says that this browser has no sign-in under way that fits. */
export function sendBrokenFlow(reply: FastifyReply): FastifyReply {
  return sendPage(
    reply,
    422,
    'This sign-in cannot go on',
    html`<h1>This sign-in cannot go on</h1>
<p>It was begun in another browser or a while ago, or it has been finished already. Nothing was changed.</p>
<p class="quiet">Go back to the app where you wanted to sign in, and begin again there.</p>`,
  )
}
