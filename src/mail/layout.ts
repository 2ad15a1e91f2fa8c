// The layout of a mail, as text and as HTML with the same content in the same order. All values are escaped.
import { html } from 'ghtml'
import { inkOn, readableOn } from '../colors.ts'
import type { Language } from './language.ts'

/** A block of a mail. A mail is a list of blocks from top to bottom. */
export type Block =
  | { readonly is: 'words'; readonly text: string; readonly quiet?: boolean }
  | { readonly is: 'link'; readonly label: string; readonly href: string }
  | { readonly is: 'code'; readonly code: string }
  | { readonly is: 'facts'; readonly rows: readonly (readonly [label: string, value: string])[] }

export interface Look {
  readonly language: Language
  readonly brandName: string
  /** An http or https address, or null: the name alone. */
  readonly logoUrl: string | null
  /** `#rrggbb` */
  readonly color: string
}

/** The text part: blocks are separated by an empty line, and a link is alone on its line. */
export function layText(blocks: readonly Block[]): string {
  const paragraphs = blocks.map((block) => {
    if (block.is === 'words') return block.text
    if (block.is === 'link') return block.href
    if (block.is === 'code') return `    ${block.code}`
    return block.rows.map(([label, value]) => `${label} ${value}`).join('\n')
  })
  return `${paragraphs.filter((text) => text !== '').join('\n\n')}\n`
}

// Shapes are inline styles, colours are in the sheet: a mail program that drops the sheet still shows the button and the large
// code, in its own colours. With any colour of a project, text has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3) and the edge of
// the button 3:1 (1.4.11).
function sheet(color: string): string {
  const [lightPaper, darkPaper] = ['#ffffff', '#1c2027']
  const button = `background: ${color}; color: ${inkOn(color)}`
  return `:root { color-scheme: light dark; supported-color-schemes: light dark }
body { background: #f1f3f6; color: #1c2024 }
.card { background: ${lightPaper}; border-color: ${readableOn(lightPaper, color, 3)} !important }
a { color: ${readableOn(lightPaper, color, 4.5)} }
.quiet { color: #5b6470 }
.code { background: #f1f3f6 }
a.button { ${button}; border-color: ${readableOn(lightPaper, color, 3)} !important }
@media (prefers-color-scheme: dark) {
  body { background: #0f1115; color: #e8eaed }
  .card { background: ${darkPaper}; border-color: ${readableOn(darkPaper, color, 3)} !important }
  .logo { background: #ffffff; padding: 8px !important; border-radius: 6px }
  a { color: ${readableOn(darkPaper, color, 4.5)} }
  .quiet { color: #a9b1bc }
  .code { background: #0f1115 }
  a.button { ${button}; border-color: ${readableOn(darkPaper, color, 3)} !important }
}`
}

function layBlock(block: Block, language: Language): string {
  switch (block.is) {
    case 'words':
      return block.quiet
        ? html`<p class="quiet" style="margin:16px 0;font-size:14px">${block.text}</p>`
        : html`<p style="margin:16px 0">${block.text}</p>`
    case 'link':
      return html`<p style="margin:24px 0"><a class="button" href="${block.href}" style="display:inline-block;padding:12px 24px;border:2px solid;border-radius:8px;font-weight:bold;text-decoration:none">${block.label}</a></p>
<p class="quiet" style="margin:16px 0;font-size:14px">${language.copyLink}<br><a href="${block.href}" style="word-break:break-all"><bdi dir="ltr">${block.href}</bdi></a></p>`
    case 'code':
      return html`<p style="margin:16px 0"><bdi class="code" dir="ltr" style="display:inline-block;padding:8px 16px;border-radius:8px;font:bold 32px/1.25 ui-monospace,Consolas,monospace;letter-spacing:4px">${block.code}</bdi></p>`
    case 'facts':
      return html`<table style="margin:16px 0;border-spacing:0;font-size:16px">
!${block.rows
        .map(
          ([label, value]) =>
            html`<tr><th scope="row" class="quiet" style="padding:4px 0;text-align:start;vertical-align:top;font-weight:normal">${label}</th><td style="padding:4px 12px;font-weight:bold">${value}</td></tr>`,
        )
        .join('\n')}
</table>`
  }
}

/** The HTML part: one card in the project's colour, light and dark, that loads nothing but the project's own logo. */
export function layHtml(title: string, blocks: readonly Block[], look: Look): string {
  const { language, brandName, logoUrl, color } = look
  const head = logoUrl
    ? html`<img class="logo" src="${logoUrl}" alt="${brandName}" height="40" style="height:40px;max-width:100%;border:0">`
    : html`<strong style="font-size:20px">${brandName}</strong>`
  return html`<!doctype html>
<html lang="${language.tag}" dir="${language.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${title}</title>
<style>
!${sheet(color)}
</style>
</head>
<body style="margin:0;padding:24px 12px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif">
<div class="card" dir="${language.direction}" lang="${language.tag}" style="max-width:512px;margin:0 auto;padding:24px 24px 12px;border-top:4px solid;border-radius:8px">
<p style="margin:0 0 24px">!${head}</p>
!${blocks.map((block) => layBlock(block, language)).join('\n')}
</div>
</body>
</html>
`
}
