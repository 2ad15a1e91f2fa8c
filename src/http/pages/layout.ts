// The frame of every page a person meets: plain, light and dark, no script, nothing from elsewhere.
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'

const style = `
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fbfbfd; --quiet: #5c5f66; --accent: #1f5fbf; --line: #d9dbe0 }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #16171b; --quiet: #a3a7b0; --accent: #8ab4ff; --line: #34363d } }
* { box-sizing: border-box }
body { margin: 0; padding: 12vh 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }
main { max-width: 30rem; margin: 0 auto; padding: 2rem; border: 1px solid var(--line); border-radius: .75rem }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance }
p { margin: 0 0 1.25rem } .quiet { color: var(--quiet); font-size: .9375rem } code { overflow-wrap: anywhere }
button { width: 100%; min-height: 2.75rem; padding: .5rem 1rem; border: 0; border-radius: .5rem; background: var(--accent); color: var(--paper); font: inherit; font-weight: 600; cursor: pointer }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px } a { color: var(--accent) }
`
const styleHash = createHash('sha256').update(style).digest('base64')

const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`

/** Sends a page. `body` is HTML made with ghtml's escaping tag. */
export function sendPage(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>!${style}</style>
</head>
<body>
<main>
!${body}
</main>
</body>
</html>
`
  return reply
    .code(status)
    .header('content-security-policy', policy)
    .type('text/html; charset=utf-8')
    .send(page)
}
