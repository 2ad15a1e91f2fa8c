// One page of documentation for each problem code, at the address that `type` names (RFC 9457 §3.1.1).
import { html } from 'ghtml'
import { type ProblemCode, problemCodes, problemKinds } from '../../../schemas/errors.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { pageRoute, sendPage } from './layout.ts'

const isCode = (text: string): text is ProblemCode => Object.hasOwn(problemKinds, text)

export function problemPages(api: Api): void {
  api.get('/problems', pageRoute, async (_request, reply) => {
    const items = problemCodes.map(
      (code) =>
        html`<li><a href="problems/${code}"><code>${code}</code></a> ${problemKinds[code].status}</li>`,
    )
    const body = html`<h1>Problem codes</h1><ul>!${items.join('\n')}</ul>`
    return sendPage(reply, { title: 'Problem codes', body })
  })

  api.get('/problems/:code', pageRoute, async (request, reply) => {
    const { code } = request.params as { code: string }
    if (!isCode(code)) throw new RequestProblem('route_not_found')
    const { status, title, message, help } = problemKinds[code]
    return sendPage(reply, {
      title,
      body: html`<h1>${title}</h1>
<p><code>${code}</code> · status ${status}</p>
<p>&ldquo;${message}&rdquo;</p>
<p>${help}</p>
<p class="quiet"><a href="../problems">All codes</a> · <a href="../docs">API documentation</a></p>`,
    })
  })
}
