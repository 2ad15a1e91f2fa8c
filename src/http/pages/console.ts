// /console: the admin API in a browser. Its files come from the build and are read for each request.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { html } from 'ghtml'
import { packageRoot } from '../../package.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { applicationPolicy } from './application-policy.ts'
import { pageRoute } from './layout.ts'

const folder = join(packageRoot, 'dist/console')

// `data:` is the QR code of an authenticator.
const policy = applicationPolicy('data:')

const types: Readonly<Record<string, string>> = {
  'console.js': 'text/javascript; charset=utf-8',
  'console.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

const page = (basePath: string) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>Sallyport console</title>
<link rel="icon" type="image/svg+xml" href="${basePath}/console/assets/icon.svg">
<link rel="stylesheet" href="${basePath}/console/assets/console.css">
<script type="module" src="${basePath}/console/assets/console.js"></script>
</head>
<body>
<div id="console"><noscript>The console needs JavaScript. The command line does the same: npx . --help</noscript></div>
</body>
</html>
`

/** Registers the page, whose views are fragments of one address, and its files. It holds no data: the admin API asks who calls. */
export function consolePage(api: Api): void {
  api.get('/console', pageRoute, async (_request, reply) =>
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page(api.basePath)),
  )
  api.get('/console/assets/:file', pageRoute, async (request, reply) => {
    const { file } = request.params as { file: string }
    const type = Object.hasOwn(types, file) ? types[file] : undefined
    const content = type && (await readFile(join(folder, file)).catch(() => null))
    if (!type || !content) throw new RequestProblem('route_not_found')
    return reply.header('content-security-policy', policy).type(type).send(content)
  })
}
