// The layout of every HTML page: light and dark, no external resources, no script (but one page's), in the project's name and colour.
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import { inkOn, readableOn } from '../../colors.ts'
import type { Project } from '../../domain/projects/projects.ts'

/** Every pair of colours has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3), edges 3:1 (1.4.11), whatever the project's is. */
function sheetOf(color: string): string {
  const [light, dark] = ['#fbfbfd', '#16171b']
  const own = (paper: string) =>
    `--paper: ${paper}; --accent: ${readableOn(paper, color, 4.5)}; --edge: ${readableOn(paper, color, 3)}`
  return `
:root { color-scheme: light dark; ${own(light)}; --ink: #1b1b1f; --quiet: #5c5f66; --line: #8a8d94; --wrong: #a4161a; --button: ${color}; --on-button: ${inkOn(color)} }
@media (prefers-color-scheme: dark) { :root { ${own(dark)}; --ink: #ececf1; --quiet: #a3a7b0; --line: #6c7079; --wrong: #ffb4ab } }
* { box-sizing: border-box }
body { margin: 0; padding: 12vh 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 30rem; margin: 0 auto; padding: 2rem; border: 1px solid var(--line); border-block-start: 4px solid var(--edge); border-radius: .75rem }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; text-wrap: pretty }
p, form { margin: 0 0 1.25rem } main > :last-child { margin-bottom: 0 } .quiet { color: var(--quiet); font-size: .9375rem } .brand { font-weight: 700 }
button, a.button { width: 100%; min-height: 2.75rem; padding: .5rem 1rem; border: 2px solid var(--edge); border-radius: .5rem; background: var(--button); color: var(--on-button); font: inherit; font-weight: 600; cursor: pointer }
label { display: block; margin: 0 0 .25rem; font-weight: 600 }
input:not([type=hidden]) { width: 100%; min-height: 2.75rem; margin: 0 0 1rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent; color: inherit; font: inherit }
.wrong { color: var(--wrong); font-weight: 600 }
a.button { display: grid; place-items: center; color: var(--on-button); text-decoration: none }
button:focus-visible, a:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px } a:not(.button) { color: var(--accent) }
@media (max-width: 30rem) { body { padding-top: 4vh } main { padding: 1.5rem } }
`
}

interface Sheet {
  readonly style: string
  readonly policy: string
}

/** Sheets by colour; a project has one, and more than these are made anew. */
const sheets = new Map<string, Sheet>()
const maxSheets = 100

function sheetFor(color: string): Sheet {
  const known = sheets.get(color)
  if (known) return known
  const style = sheetOf(color)
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
  const sheet = { style, policy }
  if (sheets.size < maxSheets) sheets.set(color, sheet)
  return sheet
}

export interface Page {
  /** Default: 200. */
  readonly status?: number
  readonly title: string
  /** HTML, made with ghtml's escaping tag. */
  readonly body: string
}

/** Whose page it is, as the project's mails have it. */
export interface Brand {
  readonly name: string
  /** `#rrggbb` */
  readonly color: string
}

const defaultColor = '#1f5fbf'

export function brandOf({ name, policy: { branding } }: Project): Brand {
  const isHex = /^#[\da-f]{6}$/i.test(branding.color)
  return { name: branding.name ?? name, color: isHex ? branding.color : defaultColor }
}

/** How a page is shown. Default: English, without a project. */
export interface Look {
  readonly texts?: { readonly tag: string; readonly direction: string }
  readonly brand?: Brand | null
  /** Whether the page runs a script of this service; default: none. */
  readonly hasScript?: boolean
}

/** The options of every page's route. */
export const pageRoute = { schema: { hide: true }, config: { access: 'open', limit: 'none' } } as const

export function sendPage(
  reply: FastifyReply,
  { status = 200, title, body }: Page,
  { texts = { tag: 'en', direction: 'ltr' }, brand = null, hasScript = false }: Look = {},
): FastifyReply {
  const { style, policy } = sheetFor(brand?.color ?? defaultColor)
  const page = html`<!doctype html>
<html lang="${texts.tag}" dir="${texts.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>!${style}</style>
</head>
<body>
<main>
!${brand ? html`<p class="brand"><bdi>${brand.name}</bdi></p>` : ''}
!${body}
</main>
</body>
</html>
`
  return reply
    .code(status)
    .header('content-security-policy', hasScript ? `${policy}; script-src 'self'` : policy)
    .header('content-language', texts.tag)
    .type('text/html; charset=utf-8')
    .send(page)
}

/** A page of a heading and HTML below it. */
export const titled = (title: string, body: string, status = 200): Page => ({
  status,
  title,
  body: html`<h1>${title}</h1>
!${body}`,
})
