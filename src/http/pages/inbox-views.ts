// The HTML of /inbox and of the previews.
import { html } from 'ghtml'
import { type LanguageTag, languages } from '../../formats.ts'
import type { CapturedMail } from '../../mail/inbox.ts'

interface Listed {
  /** The search text; empty: none. */
  readonly to: string
  readonly mails: readonly CapturedMail[]
}

/** `verify_email` as words. */
const wordsOf = (kind: string) => kind.replaceAll('_', ' ')

/** In the time zone of this machine, which is also that of the reader. */
const timeOf = (at: Date) =>
  at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })

function frame(basePath: string, title: string, current: 'inbox' | 'previews', body: string): string {
  const entry = (name: typeof current, path: string, label: string) =>
    html`<a href="${basePath}${path}"!${name === current ? ' aria-current="page"' : ''}>${label}</a>`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="${basePath}/inbox/assets/style.css">
<script type="module" src="${basePath}/inbox/assets/main.js"></script>
</head>
<body>
<header>
<h1>Sallyport inbox</h1>
<nav aria-label="Pages">!${entry('inbox', '/inbox', 'Mails')} !${entry('previews', '/inbox/previews', 'Previews')} <a href="${basePath}/docs">API</a></nav>
</header>
!${body}
</body>
</html>
`
}

function address(basePath: string, query: Readonly<Record<string, string>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== '')
  return `${basePath}/inbox${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`
}

/** The list of mails, which the page replaces when it changes. */
export function listOf(
  basePath: string,
  { to, mails, openId }: Listed & { readonly openId: string },
): string {
  if (mails.length === 0) {
    const why = to === '' ? 'No mail has been captured yet.' : `No mail was sent to an address with “${to}”.`
    return html`<div id="list"><p class="empty">${why}</p></div>`
  }
  const entries = mails.map(
    (mail) =>
      html`<li><a href="${address(basePath, { to, mail: mail.id })}"!${mail.id === openId ? ' aria-current="true"' : ''}>
<strong dir="auto">${mail.subject}</strong>
<span><bdi>${mail.to}</bdi></span>
<span class="quiet">${wordsOf(mail.kind)} · <time datetime="${mail.at.toISOString()}">${timeOf(mail.at)}</time></span></a></li>`,
  )
  return html`<div id="list"><ol>!${entries.join('\n')}</ol></div>`
}

/** A value with a button to copy it and, for a link, one to open it. */
function valueRow(label: string, value: string | null, isLink: boolean): string {
  if (value === null) return ''
  const follow = isLink ? html`<a class="button" href="${value}" target="_blank" rel="noopener">Open</a>` : ''
  return html`<div class="carried"><dt>${label}</dt><dd><code dir="ltr">${value}</code>
<button type="button" data-copy="${value}">Copy<span class="hidden"> ${label.toLowerCase()}</span></button>!${follow}</dd></div>`
}

function mailOf(basePath: string, mail: CapturedMail, back: string): string {
  return html`<article>
<p class="back"><a href="${back}">All mails</a></p>
<h2 dir="auto">${mail.subject}</h2>
<p class="quiet">From <bdi>${mail.from}</bdi> to <bdi>${mail.to}</bdi> · ${wordsOf(mail.kind)} · <time datetime="${mail.at.toISOString()}">${timeOf(mail.at)}</time></p>
<dl>!${valueRow('Code', mail.code, false)}!${valueRow('Link', mail.link, true)}</dl>
<iframe title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" src="${basePath}/inbox/messages/${encodeURIComponent(mail.id)}/html"></iframe>
<details><summary>The mail as text</summary><pre dir="auto">${mail.text}</pre></details>
</article>`
}

/** The page. @param open the mail that is shown; null: none */
export function inboxPage(
  basePath: string,
  { to, mails, open }: Listed & { readonly open: CapturedMail | null },
): string {
  const shown = open
    ? mailOf(basePath, open, address(basePath, { to }))
    : html`<p class="empty">Choose a mail. New ones appear by themselves.</p>`
  return frame(
    basePath,
    'Sallyport inbox',
    'inbox',
    html`<main!${open ? ' class="open"' : ''}>
<section aria-label="Mails">
<form action="${basePath}/inbox" role="search"><label>Search by address <input name="to" type="search" value="${to}" autocomplete="off" spellcheck="false"></label></form>
<p id="news" class="hidden" role="status"></p>
!${listOf(basePath, { to, mails, openId: open?.id ?? '' })}
</section>
<section aria-label="The chosen mail" class="shown">!${shown}</section>
</main>`,
  )
}

const languageNames: Readonly<Record<LanguageTag, string>> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
  zh: '简体中文',
  ar: 'العربية',
}

interface Previews {
  readonly kinds: readonly string[]
  readonly language: LanguageTag
  readonly open: { readonly kind: string; readonly subject: string; readonly text: string } | null
}

/** The page of the previews. @param open the kind that is shown; null: none */
export function previewsPage(basePath: string, { kinds, language, open }: Previews): string {
  const root = `${basePath}/inbox/previews`
  const kindEntries = kinds.map(
    (kind) =>
      html`<li><a href="${root}/${kind}?lang=${language}"!${kind === open?.kind ? ' aria-current="true"' : ''}><span>${wordsOf(kind)}</span></a></li>`,
  )
  const languageEntries = languages.map(
    (tag) =>
      html`<a href="${root}${open ? `/${open.kind}` : ''}?lang=${tag}" lang="${tag}"!${tag === language ? ' aria-current="true"' : ''}>${languageNames[tag]}</a>`,
  )
  const shown = open
    ? html`<article>
<p class="back"><a href="${root}?lang=${language}">All kinds</a></p>
<h2 dir="auto">${open.subject}</h2>
<p class="quiet"><code>npx . mail preview ${open.kind} --language ${language}</code></p>
<iframe title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" src="${root}/${open.kind}/html?lang=${language}"></iframe>
<details><summary>The mail as text</summary><pre dir="auto">${open.text}</pre></details>
</article>`
    : html`<p class="empty">Choose a kind of mail. Its values are samples.</p>`
  return frame(
    basePath,
    'Mails of Sallyport',
    'previews',
    html`<main!${open ? ' class="open"' : ''}>
<section aria-label="Kinds of mail">
<nav class="languages" aria-label="Language">!${languageEntries.join(' ')}</nav>
<div id="kinds"><ol>!${kindEntries.join('\n')}</ol></div>
</section>
<section aria-label="The chosen mail" class="shown">!${shown}</section>
</main>`,
  )
}
