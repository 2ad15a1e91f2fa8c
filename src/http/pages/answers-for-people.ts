// Errors outside of the APIs: an HTML page for browsers, a problem document for every other client.
import type { FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import type { Answer } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import { refusedPage } from './hosted/refusals.ts'
import { sendPage } from './layout.ts'
import { textsFor } from './texts.ts'

/** Paths of the APIs: their errors are never HTML, whatever the client accepts. */
const apis = /^\/(?:api|openapi|health|metrics|\.well-known|projects|nodeloom|credebl|nora)(?:[/?]|$)/

/** Whether a person sees the answer: browsers accept HTML explicitly when they navigate (RFC 9110 §12.5.1). */
function isForPerson(request: FastifyRequest): boolean {
  if (apis.test(request.url)) return false
  return /(?:^|,)\s*text\/html\s*(?:,|;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|$)/i.test(
    readHeader(request, 'accept') ?? '',
  )
}

/** Answers browsers with a page in their language, and other clients as `answer` does. */
export function answerPeople(answer: Answer): Answer {
  return (request, reply, refusal) => {
    if (!isForPerson(request)) return answer(request, reply, refusal)
    const texts = textsFor(request, undefined)
    const page = refusedPage(texts, refusal.code)
    if (refusal.retryAfterSeconds) reply.header('retry-after', refusal.retryAfterSeconds)
    const { status = 500 } = page
    const foot = html`<bdi>${String(status)} · <code>${refusal.code} ${request.id}</code></bdi>`
    return sendPage(reply, { ...page, foot }, { texts })
  }
}
