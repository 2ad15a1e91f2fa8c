// /playground: one page to try every step through the SDK. Files that the build has made, read when somebody asks.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../package.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'

const folder = join(packageRoot, 'dist/playground')

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const types: Record<string, string> = { html: 'text/html', css: 'text/css', js: 'text/javascript' }

/** Registers the page and its files: one name each, without a way to any other. */
export async function playgroundPage(api: Api): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const
  const schema = { hide: true }

  for (const [url, prefix] of [
    ['/playground', ''],
    ['/playground/:file', ''],
    ['/playground/sdk/:file', 'sdk/'],
  ] as const)
    api.get(url, { schema, config }, async (request, reply) => {
      const { file = 'page.html' } = request.params as { file?: string }
      const found = /^[a-z]+\.(html|css|js)$/.exec(file)
      const content = found && (await readFile(join(folder, prefix, file)).catch(() => null))
      if (!found || !content) throw new RequestProblem('route_not_found')
      const type = `${types[found[1] ?? '']}; charset=utf-8`
      return reply.header('content-security-policy', policy).type(type).send(content)
    })
}
