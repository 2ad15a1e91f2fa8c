// Pages of refusals: they say why a hosted page cannot go on, and what to do.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { statusOf } from '../../problems.ts'
import { type RefusalCode, refusalOf } from '../../refusal.ts'
import { brandOf, type Page, sendPage, titled } from '../layout.ts'
import type { Texts } from '../texts.ts'
import type { ParamFault } from './params.ts'
import { textsOfVisit } from './visit.ts'

/** The page of a refused query. It redirects nowhere, and tells developers which setting to change. */
export function refusedParams({ hosted }: Texts, { fault, about }: ParamFault): Page {
  const cause = fault === 'redirect' ? hosted.redirect : hosted.incomplete
  const remedies = {
    redirect: hosted.addRedirect,
    challenge: hosted.addChallenge,
    cookie: hosted.addOrigin,
    repeated: hosted.repeatedField,
  }
  const page = titled(
    hosted.redirectTitle,
    html`<p>${cause}</p>
<details><summary>${hosted.forDevelopers}</summary>
<p>${remedies[fault]}</p>
<pre dir="ltr"><code>${about.slice(0, 2048)}</code></pre>
</details>`,
    422,
  )
  // The links to other languages would repeat the refused query.
  return { ...page, foot: '' }
}

type Words = keyof Texts['hosted']

/** Titles and sentences by the code of a refusal. Every other code has a general one. */
const sentences: Partial<Record<RefusalCode, readonly [title: Words, sentence: Words]>> = {
  route_not_found: ['notFoundTitle', 'notFound'],
  project_unknown: ['projectTitle', 'project'],
  project_required: ['projectTitle', 'project'],
  cross_site_request: ['foreignTitle', 'foreign'],
  second_factor_invalid: ['expiredTitle', 'expired'],
  passkey_flow_over: ['expiredTitle', 'expired'],
  unauthenticated: ['expiredTitle', 'expired'],
  sign_up_closed: ['closedTitle', 'closed'],
  account_disabled: ['failedTitle', 'disabled'],
}

/** The page of a refusal that no step explains itself. */
export function refusedPage(texts: Texts, code: RefusalCode): Page {
  const { hosted, tooManyAttempts } = texts
  if (statusOf(code) === 429) return titled(hosted.waitTitle, html`<p>${tooManyAttempts}</p>`, 429)
  const [title, sentence] = sentences[code] ?? ['failedTitle', 'failed']
  return titled(hosted[title], html`<p>${hosted[sentence]}</p>`, statusOf(code))
}

/** Answers an error that was thrown by a step or before it. @throws the error, if it is no refusal, so that it is logged and counted */
export function sendRefusal(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error)
  if (!refusal) throw error
  const { project } = request as { project?: FastifyRequest['project'] }
  const texts = textsOfVisit(request)
  if (refusal.retryAfterSeconds) reply.header('retry-after', refusal.retryAfterSeconds)
  return sendPage(reply, refusedPage(texts, refusal.code), {
    texts,
    brand: project ? brandOf(project) : null,
  })
}
