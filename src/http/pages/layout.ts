// The layout of every HTML page: one card with the project's name, logo and colour. Only the logo is loaded from another origin.
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html } from 'ghtml'
import type { Project } from '../../domain/projects/projects.ts'
import { styleOf } from './style.ts'

interface Sheet {
  readonly style: string
  /** The source expression that allows it in a Content-Security-Policy. */
  readonly source: string
}

/** Sheets by colour. Colours beyond the limit are not cached. */
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

/** The brand of a project, as in its mails. */
interface Brand {
  readonly name: string
  /** `#rrggbb` */
  readonly color: string
  /** An http or https URL; null: the page shows the first letter of the name. */
  readonly logoUrl: string | null
}

const defaultColor = '#1f5fbf'

/** The brand of a project's pages. Values of the policy that no page can show are replaced by defaults. */
export function brandOf({ name, policy: { branding } }: Project): Brand {
  const isHex = /^#[\da-f]{6}$/i.test(branding.color)
  const logo = branding.logo_url
  const logoUrl = logo !== null && /^https?:\/\//.test(logo) && URL.canParse(logo) ? new URL(logo).href : null
  return { name: branding.name ?? name, color: isHex ? branding.color : defaultColor, logoUrl }
}

/** The language, brand and policy of a page. Default: English, without a project. */
export interface Look {
  readonly texts?: { readonly tag: string; readonly direction: string }
  readonly brand?: Brand | null
  /** Whether the page runs a script of this service, which may call this service. Default: no. */
  readonly hasScript?: boolean
  /** The URL of a module script that enhances the page. */
  readonly script?: string
  /** URLs to which its forms may redirect: browsers apply form-action to redirects too (CSP3 §6.4.1). */
  readonly formTargets?: readonly string[]
  /** Whether the page shows images of this service, such as avatars, or `data:` images, such as QR codes. */
  readonly hasPictures?: boolean
}

/** The options of every page's route. */
export const pageRoute = { schema: { hide: true }, config: { access: 'open', limit: 'none' } } as const

/** The source expression that allows a URL: its origin, or the scheme of an application. */
function sourceOf(address: string): string {
  const { origin, protocol } = new URL(address)
  // A host may hold the separators of directives (;) and of policies (,).
  return /^https?:$/.test(protocol) ? origin.replace(/[;,]/g, encodeURIComponent) : protocol
}

/** The Content-Security-Policy of a page: this service and the logo's origin; nothing inline but the style sheet. */
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

/** The name and the logo. The logo has a fixed size, so the page does not move while it loads or if it is missing. */
function headOf({ name, logoUrl }: Brand): string {
  const picture = logoUrl
    ? html`<img class="logo" src="${logoUrl}" alt="" width="36" height="36" decoding="async" fetchpriority="low" referrerpolicy="no-referrer">`
    : html`<span class="mark" aria-hidden="true">${[...name.trim()][0]?.toUpperCase() ?? ''}</span>`
  return html`<p class="brand">!${picture}<bdi>${name}</bdi></p>`
}

/** Sends a page with its policy and language. */
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

/** A page with a heading and HTML below it. */
export const titled = (title: string, body: string, status = 200): Page => ({
  status,
  title,
  body: html`<h1>${title}</h1>
!${body}`,
})
