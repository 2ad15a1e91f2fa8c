// /playground: a page to try the API through the SDK. Its files come from the build and are read for each request.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../package.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { pageRoute } from './layout.ts'

const folder = join(packageRoot, 'dist/playground')

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const types: Record<string, string> = { html: 'text/html', css: 'text/css', js: 'text/javascript' }

/** What the page says about an inbox that is not served. */
const aboutInbox = /<span class="inbox">.*?<\/span>/gs

/**
 * Registers the page and its files. A file name has no slash and one dot, so it cannot name another folder.
 * @param hasInbox whether /inbox is served
 */
export function playgroundPage(api: Api, hasInbox: boolean): void {
  for (const [url, prefix] of [
    ['/playground', ''],
    ['/playground/:file', ''],
    ['/playground/sdk/:file', 'sdk/'],
  ] as const)
    api.get(url, pageRoute, async (request, reply) => {
      const { file = 'page.html' } = request.params as { file?: string }
      const found = /^[a-z-]+\.(html|css|js)$/.exec(file)
      const content = found && (await readFile(join(folder, prefix, file)).catch(() => null))
      if (!found || !content) throw new RequestProblem('route_not_found')
      const type = `${types[found[1] ?? '']}; charset=utf-8`
      const isPage = found[1] === 'html' && !hasInbox
      return reply
        .header('content-security-policy', policy)
        .type(type)
        .send(isPage ? content.toString().replace(aboutInbox, '') : content)
    })
}
