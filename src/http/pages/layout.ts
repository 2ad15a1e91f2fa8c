// The frame of every page a person meets: plain, light and dark, no script, nothing from elsewhere.
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import { isUuid } from '../../domain/uuid.ts'
import type { Api } from '../typebox.ts'

const style = `
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fbfbfd; --quiet: #5c5f66; --accent: #1f5fbf; --line: #8a8d94; --wrong: #a4161a }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #16171b; --quiet: #a3a7b0; --accent: #8ab4ff; --line: #6c7079; --wrong: #ffb4ab } }
* { box-sizing: border-box }
body { margin: 0; padding: 12vh 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }
main { max-width: 30rem; margin: 0 auto; padding: 2rem; border: 1px solid var(--line); border-radius: .75rem }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; text-wrap: pretty }
p, form { margin: 0 0 1.25rem } main > :last-child { margin-bottom: 0 } .quiet { color: var(--quiet); font-size: .9375rem } code { overflow-wrap: anywhere }
button { width: 100%; min-height: 2.75rem; padding: .5rem 1rem; border: 0; border-radius: .5rem; background: var(--accent); color: var(--paper); font: inherit; font-weight: 600; cursor: pointer }
label { display: block; margin: 0 0 .25rem; font-weight: 600 }
input:not([type=hidden]) { width: 100%; min-height: 2.75rem; margin: 0 0 1rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent; color: inherit; font: inherit }
.wrong { color: var(--wrong); font-weight: 600 }
button:focus-visible, a:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px } a { color: var(--accent) }
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

/** What the link of a mail carries. */
export interface MailLink {
  readonly projectId: string
  readonly token: string
}

/** Reads a link's query, where a front end's link calls its token otherwise, or the form; null when it is cut or bent. */
export function readLink(fields: unknown): MailLink | null {
  const { project, verificationCode, token = verificationCode } = (fields ?? {}) as Record<string, unknown>
  if (typeof project !== 'string' || !isUuid(project) || typeof token !== 'string' || token === '')
    return null
  return { projectId: project.toLowerCase(), token }
}

/** Lets a scope read what an HTML form sends. */
export function acceptForms(api: Api): void {
  const form = 'application/x-www-form-urlencoded'
  if (api.hasContentTypeParser(form)) return
  api.addContentTypeParser(form, { parseAs: 'string', bodyLimit: 4096 }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
}

/** Says that a link works no longer; the same for every reason, and nothing about the account. */
export function sendDeadLink(reply: FastifyReply): FastifyReply {
  return sendPage(
    reply,
    422,
    'This link no longer works',
    html`<h1>This link no longer works</h1>
<p>It has been used already, it has expired, or a newer mail has replaced it.</p>
<p class="quiet">Ask for another mail in the app where you have your account.</p>`,
  )
}
