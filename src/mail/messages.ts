// Turns facts into the words of a mail, as text and as HTML that say the same; pure, and nothing a user chose can become markup, a header or a link.
import { html } from 'ghtml'

export type MailKind = 'verify_email' | 'address_taken'

export interface Composed {
  subject: string
  text: string
  html: string
}

export interface VerificationFacts {
  projectName: string
  displayName: string | null
  link: string
  code: string
  expiresInSeconds: number
}

export interface AddressTakenFacts {
  projectName: string
  displayName: string | null
  /** Where to sign in (an http or https address becomes a link) or how (anything else is printed as a sentence). */
  signInHint: string | null
}

/**
 * Composes the mail by which a person confirms an address: a link and a code, either will do.
 *
 * `link` and `code` are ours and go in as they are; the names are cleaned, capped and escaped.
 * Never throws.
 */
export function verifyEmailMessage(facts: VerificationFacts): Composed {
  const project = projectLabel(facts.projectName)
  const lifetime = lifetimeInWords(facts.expiresInSeconds)
  const hello = greeting(facts.displayName)
  const ask = `Please confirm that this is your email address for ${project}. Open this link and say yes:`
  const orType = 'Or type this code where you are asked for it:'
  const limits = `The link and the code work once, for ${lifetime}.`
  const notYou = 'If you did not ask for this, ignore this mail. The address then stays unconfirmed.'
  const subject = `Confirm your email address for ${project}`
  return {
    subject,
    text: paragraphs([hello, ask, facts.link, orType, `    ${facts.code}`, limits, notYou]),
    html: page(
      subject,
      html`<p>${hello}</p>
<p>${ask}</p>
!${linkBlock('Confirm email address', facts.link)}
<p>${orType}</p>
<p style="margin:16px 0;font:bold 32px/1.25 ui-monospace,Consolas,monospace;letter-spacing:4px">${facts.code}</p>
<p>${limits}</p>
<p class="quiet">${notYou}</p>`,
    ),
  }
}

/**
 * Composes the mail to the owner of an address that somebody tried to sign up with again. It carries no secret.
 *
 * Names and hint are cleaned, capped and escaped. Never throws.
 */
export function addressTakenMessage(facts: AddressTakenFacts): Composed {
  const project = projectLabel(facts.projectName)
  const hello = greeting(facts.displayName)
  const what = `Someone, maybe you, tried to sign up for ${project} with this email address. You already have an account there, so nothing was changed.`
  const ifYou =
    'If it was you, sign in as usual. If you no longer know your password, reset it from the sign-in page.'
  const notYou = 'If it was not you, ignore this mail. Your account is as it was.'
  const subject = `You already have an account for ${project}`
  const hint = signInHint(facts.signInHint)
  return {
    subject,
    text: paragraphs([hello, what, ifYou, hint.text, notYou]),
    html: page(
      subject,
      html`<p>${hello}</p>
<p>${what}</p>
<p>${ifYou}</p>
!${hint.html}
<p class="quiet">${notYou}</p>`,
    ),
  }
}

const NAME_LENGTH = 60
const HINT_LENGTH = 200
const LINK_LENGTH = 2000

function projectLabel(name: string): string {
  return plainWords(name, NAME_LENGTH) || 'your account'
}

// Anyone can sign up with someone else's address: a name that mail programs would turn into a link is left out,
// or the sign-up form would deliver a stranger's advertising under our name.
function greeting(displayName: string | null): string {
  const name = plainWords(displayName ?? '', NAME_LENGTH)
  const readsLikeLink = /[/\\@]|\p{L}{2}:|[\p{L}\p{N}][.\u3002\uff0e]\p{L}{2}/u.test(name)
  return name === '' || readsLikeLink ? 'Hello,' : `Hello ${name},`
}

function signInHint(hint: string | null): { text: string; html: string } {
  const url = hint !== null && hint.length <= LINK_LENGTH && URL.canParse(hint) ? new URL(hint) : null
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) {
    return { text: url.href, html: linkBlock('Sign in', url.href) }
  }
  const words = plainWords(hint ?? '', HINT_LENGTH)
  return { text: words, html: words === '' ? '' : html`<p>${words}</p>` }
}

// One line of at most `length` characters, without control characters (Cc), halves of characters (Cs) and those
// that reorder the text around them (UAX #9, embeddings, overrides and isolates).
function plainWords(value: string, length: number): string {
  const line = value
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\p{Cs}\u202a-\u202e\u2066-\u2069\ufeff]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  const characters = Array.from(line)
  return characters.length <= length
    ? line
    : `${characters
        .slice(0, length - 1)
        .join('')
        .trimEnd()}…`
}

// Rounds down: a mail never promises longer than its link lives.
function lifetimeInWords(seconds: number): string {
  const [unit, size] =
    seconds >= 2 * 86400
      ? (['day', 86400] as const)
      : seconds >= 2 * 3600 || seconds === 3600
        ? (['hour', 3600] as const)
        : seconds >= 60
          ? (['minute', 60] as const)
          : (['second', 1] as const)
  const count = Math.max(1, Math.floor(seconds / size))
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(count)
}

function paragraphs(parts: string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function linkBlock(label: string, link: string): string {
  return html`<p style="margin:24px 0"><a class="button" href="${link}" style="display:inline-block;padding:12px 24px;border:2px solid;border-radius:8px;font-weight:bold;text-decoration:none">${label}</a></p>
<p class="quiet">If the button does not work, copy this link into your browser:<br><a href="${link}" style="word-break:break-all">${link}</a></p>`
}

// Shape is inline and colour is not: a mail program that drops the sheet still shows the button and the large
// code, in its own colours. Every pair of colours here has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3).
const SHEET = `:root { color-scheme: light dark; supported-color-schemes: light dark }
body { background: #ffffff; color: #1c2024 }
a { color: #1d4ed8 }
.quiet { color: #5b6470 }
a.button { background: #1d4ed8; border-color: #1d4ed8 !important; color: #ffffff }
@media (prefers-color-scheme: dark) {
  body { background: #14171c; color: #e8eaed }
  a { color: #9db9ff }
  .quiet { color: #a9b1bc }
  a.button { background: #9db9ff; border-color: #9db9ff !important; color: #0b1220 }
}`

function page(title: string, content: string): string {
  return html`<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${title}</title>
<style>
!${SHEET}
</style>
</head>
<body style="margin:0;padding:24px 16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif">
<div style="max-width:560px;margin:0 auto">
!${content}
</div>
</body>
</html>
`
}
