// /console: the admin API in a browser. Its files come from the build.
import { html } from 'ghtml'
import type { Api } from '../typebox.ts'
import { assetRoute, readAsset, versioned } from './assets.ts'
import { applicationPolicy } from './content-security-policy.ts'
import { pageRoute } from './layout.ts'

// `data:` is the QR code of an authenticator.
const policy = applicationPolicy('data:')

const files = new Set(['console.js', 'console.css', 'icon.svg'])

const assetOf = (name: string) => (files.has(name) ? readAsset(`console/${name}`) : null)

const hrefOf = (basePath: string, name: string) =>
  versioned(`${basePath}/console/assets/${name}`, assetOf(name))

const page = (basePath: string) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>Sallyport console</title>
<link rel="icon" type="image/svg+xml" href="${hrefOf(basePath, 'icon.svg')}">
<link rel="stylesheet" href="${hrefOf(basePath, 'console.css')}">
<script type="module" src="${hrefOf(basePath, 'console.js')}"></script>
</head>
<body>
<div id="console"><noscript>The console needs JavaScript. The command line does the same: npx . --help</noscript></div>
</body>
</html>
`

/** Registers the page and its files. The views are fragments of one URL. The page holds no data: the admin API authenticates. */
export function consolePage(api: Api): void {
  api.get('/console', pageRoute, async (_request, reply) =>
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page(api.basePath)),
  )
  assetRoute(api, '/console/assets/:file', assetOf, { 'content-security-policy': policy })
}
