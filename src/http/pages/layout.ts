// The layout of every HTML page: one card in the project's name, logo and colour. Nothing is loaded from elsewhere but the logo.
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import type { Project } from '../../domain/projects/projects.ts'
import { styleOf } from './style.ts'

interface Sheet {
  readonly style: string
  /** The source of the policy that allows it. */
  readonly source: string
}

/** Sheets by colour; a project has one, and more than these are made anew. */
const sheets = new Map<string, Sheet>()
const maxSheets = 100

function sheetFor(color: string): Sheet {
  const known = sheets.get(color)
  if (known) return known
  const style = styleOf(color)
  const sheet = { style, source: `'sha256-${createHash('sha256').update(style).digest('base64')}'` }
  if (sheets.size < maxSheets) sheets.set(color, sheet)
  return sheet
}

export interface Page {
  /** Default: 200. */
  readonly status?: number
  readonly title: string
  /** HTML, made with ghtml's escaping tag. */
  readonly body: string
  /** HTML below the card. */
  readonly foot?: string
  /** JSON for the page's script, which reads it from `data-facts` of the card. */
  readonly facts?: string
  /** A card for settings or documentation; default: as narrow as a form. */
  readonly wide?: boolean
}

/** Whose page it is, as the project's mails have it. */
export interface Brand {
  readonly name: string
  /** `#rrggbb` */
  readonly color: string
  /** An http or https URL; null: the first letter of the name stands for it. */
  readonly logoUrl: string | null
}

const defaultColor = '#1f5fbf'

export function brandOf({ name, policy: { branding } }: Project): Brand {
  const isHex = /^#[\da-f]{6}$/i.test(branding.color)
  const logo = branding.logo_url
  const logoUrl = logo !== null && /^https?:\/\//.test(logo) && URL.canParse(logo) ? new URL(logo).href : null
  return { name: branding.name ?? name, color: isHex ? branding.color : defaultColor, logoUrl }
}

/** How a page is shown. Default: English, without a project. */
export interface Look {
  readonly texts?: { readonly tag: string; readonly direction: string }
  readonly brand?: Brand | null
  /** Whether the page runs a script of this service, which may call this service; default: none. */
  readonly hasScript?: boolean
  /** The URL of that script, which progressively enhances the page; loaded after it is parsed. */
  readonly script?: string
  /** Addresses to which its forms may lead by a redirect: browsers check those too (CSP3 §6.4.1). */
  readonly formTargets?: readonly string[]
  /** Whether the page shows pictures of this service, such as avatars, or of `data:`, such as QR codes. */
  readonly hasPictures?: boolean
}

/** The options of every page's route. */
export const pageRoute = { schema: { hide: true }, config: { access: 'open', limit: 'none' } } as const

/** The source of a policy that allows an address: its origin, or the scheme of an application. */
function sourceOf(address: string): string {
  const { origin, protocol } = new URL(address)
  // Hosts of URLs may hold what begins another directive (;) or another policy (,).
  return /^https?:$/.test(protocol) ? origin.replace(/[;,]/g, encodeURIComponent) : protocol
}

/** The Content-Security-Policy of a page: this service and the logo's origin, nothing inline but the sheet. */
function policyOf(
  styleSource: string,
  { brand, hasScript, hasPictures, formTargets = [], script }: Look,
): string {
  const pictures = [
    ...(hasPictures ? ["'self'", 'data:'] : []),
    ...(brand?.logoUrl ? [sourceOf(brand.logoUrl)] : []),
  ]
  const targets = new Set(["'self'", ...formTargets.map(sourceOf)])
  return [
    "default-src 'none'",
    `style-src ${styleSource}`,
    `form-action ${[...targets].join(' ')}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...(pictures.length > 0 ? [`img-src ${pictures.join(' ')}`] : []),
    ...(hasScript || script
      ? [
          "script-src 'self'",
          "connect-src 'self'",
          "require-trusted-types-for 'script'",
          "trusted-types 'none'",
        ]
      : []),
  ].join('; ')
}

/** The name and the logo, which has its place before it is loaded, and leaves it empty where it is gone. */
function headOf({ name, logoUrl }: Brand): string {
  const picture = logoUrl
    ? html`<img class="logo" src="${logoUrl}" alt="" width="36" height="36" decoding="async" fetchpriority="low" referrerpolicy="no-referrer">`
    : html`<span class="mark" aria-hidden="true">${[...name.trim()][0]?.toUpperCase() ?? ''}</span>`
  return html`<p class="brand">!${picture}<bdi>${name}</bdi></p>`
}

export function sendPage(reply: FastifyReply, page: Page, look: Look = {}): FastifyReply {
  const { status = 200, title, body, facts, foot, wide } = page
  const { texts = { tag: 'en', direction: 'ltr' }, brand, script } = look
  const { style, source } = sheetFor(brand?.color ?? defaultColor)
  const text = html`<!doctype html>
<html lang="${texts.tag}" dir="${texts.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}!${brand ? html` · ${brand.name}` : ''}</title>
<style>!${style}</style>
!${script ? html`<script type="module" src="${script}"></script>` : ''}
</head>
<body>
<main!${wide ? ' class="wide"' : ''}!${facts ? html` data-facts="${facts}"` : ''}>
!${brand ? headOf(brand) : ''}
!${body}
</main>
!${foot ? html`<footer>!${foot}</footer>` : ''}
</body>
</html>
`
  return reply
    .code(status)
    .header('content-security-policy', policyOf(source, look))
    .header('content-language', texts.tag)
    .type('text/html; charset=utf-8')
    .send(text)
}

/** A page of a heading and HTML below it. */
export const titled = (title: string, body: string, status = 200): Page => ({
  status,
  title,
  body: html`<h1>${title}</h1>
!${body}`,
})
