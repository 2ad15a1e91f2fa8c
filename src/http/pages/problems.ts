// One page of documentation for each problem code, at the address that `type` names (RFC 9457 §3.1.1).
import { html } from 'ghtml'
import { type ProblemCode, problemCodes, problemKinds, problemMediaType } from '../../../schemas/errors.ts'
import { problemDocument } from '../problems.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { pageRoute, sendPage } from './layout.ts'

const isCode = (text: string): text is ProblemCode => Object.hasOwn(problemKinds, text)

const exampleId = '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'

/** The facts of an example. */
const exampleFacts = (code: ProblemCode) =>
  code === 'validation_failed' ? { code, errors: { email: ['Must be an e-mail address.'] } } : { code }

/** An example of an answer with the code. */
function exampleOf(code: ProblemCode, publicUrl: string): string {
  const { status } = problemKinds[code]
  const document = problemDocument(exampleFacts(code), publicUrl, exampleId)
  return `HTTP/1.1 ${status}\nContent-Type: ${problemMediaType}\n\n${JSON.stringify(document, null, 2)}`
}

/** The codes of a status. */
function listOf(status: number): string {
  const items = problemCodes
    .filter((code) => problemKinds[code].status === status)
    .map(
      (code) =>
        html`<li><span><a href="problems/${code}"><code>${code}</code></a></span> <span class="quiet">${problemKinds[code].title}</span></li>`,
    )
  return html`<section><h2>${status}</h2><ul class="rows">!${items.join('\n')}</ul></section>`
}

/** Registers the list of codes, and a page for each with its cause, its remedy and an example. */
export function problemPages(api: Api, publicUrl: string): void {
  api.get('/problems', pageRoute, async (_request, reply) => {
    const statuses = [...new Set(problemCodes.map((code) => problemKinds[code].status))].sort()
    const body = html`<h1>Problem codes</h1>
<p>Every error of the API is a problem document (RFC 9457) with one of these codes.</p>
!${statuses.map(listOf).join('\n')}`
    return sendPage(reply, { title: 'Problem codes', body, wide: true })
  })

  api.get('/problems/:code', pageRoute, async (request, reply) => {
    const { code } = request.params as { code: string }
    if (!isCode(code)) throw new RequestProblem('route_not_found')
    const { status, title, message, help } = problemKinds[code]
    return sendPage(reply, {
      title,
      wide: true,
      body: html`<h1>${title}</h1>
<p><code>${code}</code> <span class="tag">${status}</span></p>
<p>&ldquo;${message}&rdquo;</p>
<h2>Cause and remedy</h2>
<p>${help}</p>
<h2>Example</h2>
<pre tabindex="0" role="region" aria-label="Example"><code>${exampleOf(code, publicUrl)}</code></pre>
<p class="quiet"><a href="../problems">All codes</a> · <a href="../docs">API documentation</a></p>`,
    })
  })
}
