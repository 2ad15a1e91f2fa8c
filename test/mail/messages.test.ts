// Guards what a mail says, and that nothing a user chose becomes markup, a header or a link in it.
import t from 'tap'
import type { AddressTakenFacts, VerificationFacts } from '../../src/mail/messages.ts'
import { addressTakenMessage, verifyEmailMessage } from '../../src/mail/messages.ts'

const link = 'https://auth.example.com/verify?token=abc-DEF_123&project=p1'

function verification(facts: Partial<VerificationFacts> = {}) {
  return verifyEmailMessage({
    projectName: 'Acme',
    displayName: 'Ada',
    link,
    code: '493817',
    expiresInSeconds: 86400,
    ...facts,
  })
}

function taken(facts: Partial<AddressTakenFacts> = {}) {
  return addressTakenMessage({ projectName: 'Acme', displayName: 'Ada', signInHint: null, ...facts })
}

// What a person reads: tags gone, entities back, whitespace as a browser folds it.
function visible(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/<title>.*?<\/title>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/\s+/g, ' ')
}

function targets(html: string): string[] {
  return Array.from(html.matchAll(/href="([^"]*)"/g), ([, href = '']) =>
    href.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))),
  )
}

t.test('the verification mail carries link and code, in text and in HTML', async (t) => {
  const mail = verification()
  t.match(mail.text, new RegExp(`^${link.replace(/[?.]/g, '\\$&')}$`, 'm'), 'the link stands alone on a line')
  t.match(mail.text, /^ {4}493817$/m)
  t.strictSame(targets(mail.html), [link, link], 'as a button and as a plain link')
  t.ok(visible(mail.html).includes(link))
  t.match(mail.html, /font:bold 32px[^>]*>493817</)
  t.notMatch(mail.subject, /493817/, 'a locked screen shows subjects')
})

t.test('text and HTML say the same in the same order', async (t) => {
  for (const mail of [verification(), taken({ signInHint: 'Use the Acme app.' })]) {
    const html = visible(mail.html)
    let position = 0
    for (const paragraph of mail.text.trim().split(/\n\n/)) {
      const found = html.indexOf(paragraph.trim(), position)
      t.ok(found >= position, paragraph.trim())
      position = found
    }
  }
})

t.test('the verification mail tells who did not ask for it to ignore it', async (t) => {
  for (const words of [verification().text, visible(verification().html)]) {
    t.match(words, 'If you did not ask for this, ignore this mail.')
  }
})

t.test('a mail never promises longer than its link lives', async (t) => {
  const spoken: [number, string][] = [
    [604800, '7 days'],
    [172800, '2 days'],
    [86400, '24 hours'],
    [10799, '2 hours'],
    [5400, '90 minutes'],
    [3600, '1 hour'],
    [900, '15 minutes'],
    [60, '1 minute'],
    [59, '59 seconds'],
  ]
  for (const [expiresInSeconds, words] of spoken) {
    t.match(verification({ expiresInSeconds }).text, `work once, for ${words}.`)
  }
})

t.test('the address-taken mail explains, carries no secret and says that nothing was changed', async (t) => {
  const mail = taken()
  for (const words of [mail.text, visible(mail.html)]) {
    t.match(words, /Someone, maybe you, tried to sign up for Acme/)
    t.match(words, /already have an account/)
    t.match(words, /sign in .* reset/)
    t.match(words, /nothing was changed/)
  }
  t.strictSame(targets(mail.html), [])
})

t.test('a sign-in hint becomes a link only when it is a web address', async (t) => {
  const linked = taken({ signInHint: 'https://app.example.com/login?a=1&b=2' })
  t.strictSame(targets(linked.html), [
    'https://app.example.com/login?a=1&b=2',
    'https://app.example.com/login?a=1&b=2',
  ])
  t.match(linked.text, /^https:\/\/app\.example\.com\/login\?a=1&b=2$/m)
  for (const signInHint of ['javascript:alert(1)', 'data:text/html,x', 'Use the "Acme" app <here>']) {
    const said = taken({ signInHint })
    t.strictSame(targets(said.html), [])
    t.ok(visible(said.html).includes(signInHint))
    t.ok(said.text.includes(signInHint))
  }
})

t.test('markup in a name stays text', async (t) => {
  const hostile = `<img src=x onerror="alert(1)">&'!`
  for (const mail of [
    verification({ projectName: hostile, displayName: hostile }),
    taken({ projectName: hostile, displayName: hostile, signInHint: hostile }),
  ]) {
    t.notMatch(mail.html, /<img/)
    t.notMatch(mail.html, /onerror="/)
    t.ok(visible(mail.html).includes(hostile))
    t.ok(mail.text.includes(hostile))
  }
  const breakout = verification({ link: 'https://x.test/"><script>alert(1)</script>' })
  t.notMatch(breakout.html, /<script/)
})

t.test('a name cannot start a header, a line or a change of direction', async (t) => {
  const hostile = 'Acme\r\nBcc: all@example.com\u2028\u0000\u202egnp.exe\u2066\ud800'
  for (const mail of [verification({ projectName: hostile }), taken({ projectName: hostile })]) {
    t.match(mail.subject, /Acme Bcc: all@example\.com gnp\.exe$/)
    t.notMatch(mail.subject, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u)
    t.notMatch(mail.text, /^Bcc/m)
    t.notMatch(mail.text, /[\u202e\u2066\u2028]/)
  }
})

t.test('a long name is cut between characters', async (t) => {
  const mail = verification({ projectName: '🦊'.repeat(500), displayName: 'x'.repeat(5000) })
  t.ok(mail.subject.length < 200)
  t.match(mail.subject, /🦊…$/u)
  t.notMatch(mail.subject, /\p{Cs}/u)
  t.match(mail.text, /^Hello x{59}…,$/m)
})

t.test('a name that mail programs would make a link is not delivered for a stranger', async (t) => {
  const links = [
    'evil.com',
    'Win! https://evil.com/prize',
    'www.evil.org',
    'mailto:a',
    'ada@evil.com',
    'evil。com',
  ]
  for (const displayName of [...links, '', ' \r\n ', null]) {
    for (const mail of [verification({ displayName }), taken({ displayName })]) {
      t.match(mail.text, /^Hello,\n/)
      t.match(visible(mail.html), /Hello, /)
    }
  }
  for (const displayName of ['J. R. R. Tolkien', 'Sammy Davis Jr.', "Conan O'Brien", '山田 太郎', 'Zoë']) {
    t.ok(verification({ displayName }).text.startsWith(`Hello ${displayName},\n`))
  }
})

t.test('a mail loads nothing from anywhere', async (t) => {
  for (const mail of [verification(), taken({ signInHint: 'https://app.example.com/' })]) {
    t.notMatch(mail.html, /<(img|link|script|iframe|object|video|audio|source|svg|form|base|meta http)/i)
    t.notMatch(mail.html, /src\s*=|url\(|@import|@font-face|srcset|background\s*=/i)
  }
})

t.test('a mail is readable aloud, by day and by night', async (t) => {
  for (const mail of [verification(), taken()]) {
    t.match(mail.html, /^<!doctype html>\n<html lang="en" dir="ltr">/)
    t.match(mail.html, '<meta name="color-scheme" content="light dark">')
    t.match(mail.html, '@media (prefers-color-scheme: dark)')
    t.ok(mail.html.includes(`<title>${mail.subject}</title>`))
    const [light = '', dark = ''] = (/<style>([\s\S]*)<\/style>/.exec(mail.html)?.[1] ?? '').split('@media')
    for (const sheet of [light, dark]) {
      const paper = colour(sheet, /body {[^}]*background: (#\w{6})/)
      t.ok(contrast(colour(sheet, /body {[^}]*; color: (#\w{6})/), paper) >= 4.5)
      t.ok(contrast(colour(sheet, /a { color: (#\w{6})/), paper) >= 4.5)
      t.ok(contrast(colour(sheet, /\.quiet { color: (#\w{6})/), paper) >= 4.5)
      const button = colour(sheet, /a\.button { background: (#\w{6})/)
      t.ok(contrast(colour(sheet, /a\.button {[^}]*; color: (#\w{6})/), button) >= 4.5)
    }
  }
})

function colour(sheet: string, where: RegExp): string {
  const found = where.exec(sheet)?.[1]
  if (found === undefined) throw new Error(`no colour at ${where}`)
  return found
}

// WCAG 2.2, contrast ratio.
function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
