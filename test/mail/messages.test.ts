// Guards what a mail says, and that nothing a user chose becomes markup, a header or a link in it.
import t from 'tap'
import { contrast } from '../../src/colors.ts'
import { languages } from '../../src/formats.ts'
import { allMailKinds, type MailKind } from '../../src/mail/kinds.ts'
import { languageOf } from '../../src/mail/language.ts'
import { composeMessage, type MessageFacts } from '../../src/mail/messages.ts'

const link = 'https://auth.example.com/verify?token=abc-DEF_123&project=p1'
const kinds = allMailKinds
const linked: MailKind[] = [
  'verify_email',
  'reset_password',
  'change_email',
  'email_changed',
  'team_invitation',
  'register',
  'new_device',
  'account_opened',
  'sign_in_code',
]

const brand = { name: 'Acme', logoUrl: null, color: '#1f5fbf' }

/** Facts over the usual ones; undefined takes one away. */
type Over = { [Name in keyof MessageFacts]?: MessageFacts[Name] | undefined }

function compose(kind: MailKind, facts: Over = {}) {
  const all: Over = {
    locale: 'en',
    brand,
    displayName: 'Ada',
    link,
    code: '493817',
    expiresInSeconds: 86400,
    device: 'Firefox on Linux',
    provider: 'Google',
    factor: 'totp',
    dueAt: new Date(Date.UTC(2026, 10, 4, 4, 5)),
    addressPrefix: '203.0.113.0/24',
    newEmail: 'mallory@example.org',
    teamName: 'Rocket',
    passkey: 'Blue phone',
    at: new Date(Date.UTC(2026, 10, 3, 4, 5)),
    ...facts,
  }
  return composeMessage(kind, all as MessageFacts)
}

/** Every kind in every language. */
function everyMail(facts: Over = {}) {
  return languages.flatMap((locale) =>
    kinds.map((kind) => ({ kind, locale, ...compose(kind, { locale, ...facts }) })),
  )
}

const decode = (text: string) =>
  text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))

// What a person reads: tags gone, entities back, whitespace as a browser folds it.
function visible(html: string): string {
  return decode(
    html
      .replace(/<style>[\s\S]*?<\/style>/g, '')
      .replace(/<title>.*?<\/title>/g, '')
      .replace(/<[^>]*>/g, ' '),
  ).replace(/[^\S\u00a0]+/g, ' ')
}

function targets(html: string): string[] {
  return Array.from(html.matchAll(/href="([^"]*)"/g), ([, href = '']) => decode(href))
}

t.test('a mail with a link carries it alone on a line, as a button and as a plain link', async (t) => {
  for (const { kind, locale, text, html } of everyMail()) {
    if (!linked.includes(kind)) {
      t.strictSame(targets(html), [], `${kind} ${locale}: no link`)
      t.notMatch(text, /https?:/)
      continue
    }
    t.match(text, new RegExp(`^${link.replace(/[?.]/g, '\\$&')}$`, 'm'), `${kind} ${locale}`)
    t.strictSame(targets(html), [link, link])
    t.ok(visible(html).includes(link))
  }
})

t.test('the code stands alone and large, and never in a subject', async (t) => {
  for (const { kind, locale, subject, text, html } of everyMail()) {
    t.notMatch(subject, /\d{6}/, 'a locked screen shows subjects')
    if (!linked.includes(kind)) continue
    t.match(text, /^ {4}493817$/m, `${kind} ${locale}`)
    t.match(html, /font:bold 32px[^>]*>493817</)
  }
  const { text, html } = compose('email_changed', { code: undefined })
  t.notMatch(text + visible(html), /\bcode\b/, 'a mail without a code speaks of none')
})

t.test('text and HTML say the same in the same order', async (t) => {
  for (const { kind, locale, text, html } of everyMail()) {
    const seen = visible(html)
    let position = 0
    for (const paragraph of text.trim().split(/\n\n/))
      for (const line of paragraph.trim().split('\n'))
        for (const part of line.split(/(?<=[:：]) (?=\S)/)) {
          const found = seen.indexOf(part, position)
          t.ok(found >= position, `${kind} ${locale}: ${part}`)
          position = found
        }
  }
})

t.test('every language says every sentence in its own words', async (t) => {
  const english = new Set(
    everyMail()
      .filter(({ locale }) => locale === 'en')
      .map(({ subject }) => subject),
  )
  for (const { kind, locale, subject, text } of everyMail()) {
    t.match(subject, /Acme/, `${kind} ${locale}`)
    t.notMatch(`${subject}${text}`, /undefined|null|NaN|\[object|\$\{/)
    if (locale !== 'en') t.notOk(english.has(subject))
    if (locale === 'zh') t.match(text, /\p{Script=Han}/u)
    if (locale === 'ar') t.match(text, /\p{Script=Arabic}/u)
  }
})

t.test('every language puts the same values into a sentence as English does', async (t) => {
  const values = (sentences: object): object =>
    Object.fromEntries(
      Object.entries(sentences).map(([name, said]: [string, unknown]) => [
        name,
        typeof said === 'string' ? (said.match(/\{\w*\}/g) ?? []).sort() : values(Object(said)),
      ]),
    )
  for (const locale of languages) t.same(values(languageOf(locale)), values(languageOf('en')), locale)
})

t.test('a locale is matched by its language, and an unsupported language is English', async (t) => {
  const spoken: [string | null, string][] = [
    ['de-AT', 'de'],
    ['zh-Hans-CN', 'zh-Hans'],
    ['ZH', 'zh-Hans'],
    ['fr_CA', 'fr'],
    ['es-419', 'es'],
    ['ar-EG', 'ar'],
    ['en-GB', 'en'],
    ['pt-BR', 'en'],
    ['deutsch', 'en'],
    ['constructor', 'en'],
    ['', 'en'],
    [null, 'en'],
  ]
  for (const [locale, tag] of spoken) t.equal(languageOf(locale).tag, tag, String(locale))
})

t.test('Arabic runs from right to left, and what is Latin in it keeps its own order', async (t) => {
  for (const kind of kinds) {
    const { text, html } = compose(kind, { locale: 'ar', displayName: 'Ada (admin)' })
    t.match(html, /<html lang="ar" dir="rtl">/)
    t.match(html, /<div class="card" dir="rtl" lang="ar"/, 'also where a mail program drops <html>')
    t.match(text, /\u2068Acme\u2069/u)
    t.match(text, /\u2068Ada \(admin\)\u2069/u)
    t.equal(text.split('\u2068').length, text.split('\u2069').length, 'what is opened is closed')
    if (linked.includes(kind)) {
      t.match(html, /<bdi dir="ltr">https:/)
      t.match(html, /<bdi class="code" dir="ltr"/)
    }
  }
  t.match(compose('verify_email', { brand: { ...brand, name: 'متجر' } }).text, /\u2068متجر\u2069/u)
  t.notMatch(compose('verify_email').text, /[\u2066-\u2069]/u)
})

t.test('a mail never promises longer than its link lives, in the plural of its language', async (t) => {
  const spoken: [number, Record<string, string>][] = [
    [604800, { en: '7 days', de: '7 Tage', fr: '7 jours', es: '7 días', zh: '7天', ar: '7 أيام' }],
    [172800, { en: '2 days', ar: 'يومان' }],
    [86400, { en: '24 hours', de: '24 Stunden', ar: '24 ساعة' }],
    [10799, { en: '2 hours', ar: 'ساعتان' }],
    [5400, { en: '90 minutes', ar: '90 دقيقة' }],
    [3600, { en: '1 hour', de: '1 Stunde', fr: '1 heure', es: '1 hora', zh: '1小时', ar: 'ساعة' }],
    [60, { en: '1 minute' }],
    [59, { en: '59 seconds' }],
  ]
  for (const [expiresInSeconds, words] of spoken)
    for (const [locale, lifetime] of Object.entries(words)) {
      const { text } = compose('reset_password', { locale, expiresInSeconds })
      t.match(text, new RegExp(`${lifetime.replace(' ', '\\s')}[.。]`), `${locale} ${lifetime}`)
    }
})

t.test('who did not ask is told what to do', async (t) => {
  const told: Record<MailKind, RegExp> = {
    verify_email: /did not ask for this, ignore this mail/,
    address_taken: /was not you, ignore this mail/,
    reset_password: /did not ask for this, ignore this mail\. Your password stays/,
    password_changed: /was not you, ask for a new password .* at once/,
    email_change_requested: /was not you, change your password now/,
    change_email: /did not ask for this, ignore this mail\. Nothing changes/,
    email_changed: /was not you, open this link and bring your address back/,
    team_invitation: /did not expect this, ignore this mail\. Then you join no team/,
    register: /was not you, ignore this mail and do not confirm/,
    new_device: /was not you, open this link\. It signs out every device/,
    account_opened: /was not you, open this link\. It signs out every device/,
    sign_in_failures: /was not you, there is nothing to do as long as nobody else knows your password/,
    deletion_scheduled: /was not you, change your password after that/,
    impersonated: /did not ask for help, write to the support/,
    account_deleted: /did not ask for this, contact the people who run/,
    api_key_created: /was not you, ask for a new password .* at once: that revokes every API key/,
    identity_unlinked: /was not you, ask for a new password .* at once: that signs out every device/,
    passkey_added: /with the passkey “Blue phone”[\s\S]*remove this passkey and change your password/,
    passkey_removed:
      /the passkey “Blue phone”[\s\S]*ask for a new password .* at once: that signs out every device/,
    passkey_counter_back: /the passkey “Blue phone” was refused[\s\S]*remove this passkey now/,
    step_up_code: /was not you, give this code to nobody/,
    mailbox_entered: /was not you, somebody else reads your mail/,
    sign_in_code: /was not you, ignore this mail, and give the code to nobody/,
    second_factor_code: /was not you, give this code to nobody, and change your password/,
    factor_added: /asks for: the authenticator app[\s\S]*was not you, ask for a new password .* at once/,
    factor_removed: /no longer asks for: the authenticator app[\s\S]*was not you, ask for a new password/,
    recovery_codes_low: /was not you, change your password and make new recovery codes/,
    recovery_codes_renewed:
      /was not you, ask for a new password .* at once, and then make new recovery codes/,
    factors_reset_requested:
      /after 4 November 2026 at 04:05 UTC[\s\S]*did not ask for this, sign in with your second factor/,
    factors_reset: /did not ask for this, ask for a new password .* at once/,
    identity_linked: /signing in with Google[\s\S]*remove this way of signing in/,
  }
  for (const kind of kinds) {
    const { text, html } = compose(kind)
    t.match(text, told[kind])
    t.match(visible(html), told[kind])
  }
})

t.test('a new device is told by its words, the prefix of its address and the time in UTC', async (t) => {
  const { text } = compose('new_device')
  t.match(
    text,
    /^Device: Firefox on Linux\nNetwork: 203\.0\.113\.0\/24\nTime: 3 November 2026 at 04:05 UTC$/m,
  )
  for (const locale of languages) t.match(compose('new_device', { locale }).text, /2026.*UTC/)
  const { text: poor } = compose('new_device', {
    device: 'evil.com browser',
    addressPrefix: '<b>everywhere</b>',
    at: undefined,
  })
  t.notMatch(poor, /Device|evil|Network|everywhere|Time/)
})

t.test('an invitation names who invites and the role, in the language of its reader', async (t) => {
  const { text } = compose('team_invitation', { inviterName: 'Grace Hopper', teamRole: 'BUILDER' })
  t.match(text, /^Invited by: Grace Hopper\nRole: Builder$/m)
  for (const locale of languages) {
    const mail = compose('team_invitation', { locale, inviterName: 'Grace', teamRole: 'ADMIN' }).text
    t.ok(mail.includes(languageOf(locale).teamRoles.ADMIN), locale)
  }
  const linked = { inviterName: 'Win at evil.example', inviterEmail: 'grace@example.org', teamRole: 'OWNER' }
  const masked = compose('team_invitation', linked).text
  t.match(masked, /^Invited by: g\*\*\*@example\.org$/m, 'a name that becomes a link is left out')
  t.notMatch(masked, /evil|Role|OWNER/)
})

t.test('the new address is shown masked to who had the old one', async (t) => {
  for (const { kind, text, html } of everyMail()) {
    t.notMatch(`${text}${html}`, /mallory/)
    if (kind === 'email_changed') t.ok(text.includes('m***@example.org'))
  }
  for (const newEmail of ['🦊x@example.org', '"a b"@example.org', 'not an address', '']) {
    t.match(compose('email_changed', { newEmail }).text, /the address (?:🦊|")?\*\*\*(?:@example\.org)? /u)
  }
})

t.test('a kind that needs a link is not made without one', async (t) => {
  for (const kind of linked) {
    t.throws(() => compose(kind, { link: undefined }), TypeError)
    t.throws(() => compose(kind, { expiresInSeconds: undefined }), TypeError)
  }
})

t.test('markup in a name stays text', async (t) => {
  const hostile = `<img src=x onerror="alert(1)">&'!`
  for (const { locale, html, text } of everyMail({
    brand: { ...brand, name: hostile },
    displayName: hostile,
    device: hostile,
    newEmail: `x@${hostile}`,
  })) {
    t.notMatch(html, /<img/, locale)
    t.notMatch(html, /onerror="/)
    t.ok(visible(html).includes(hostile))
    t.ok(text.includes(hostile))
  }
  const breakout = compose('verify_email', { link: 'https://x.test/"><script>alert(1)</script>' })
  t.notMatch(breakout.html, /<script/)
})

t.test('a name cannot start a header, a line or a change of direction', async (t) => {
  const hostile = 'Acme\r\nBcc: all@example.com\u2028\u0000\u202egnp.exe\u2066\u2069\u200f\ud800'
  for (const { subject, text, html } of everyMail({
    brand: { ...brand, name: hostile },
    displayName: hostile,
  })) {
    t.match(subject, /Acme Bcc: all@example\.com gnp\.exe/)
    t.notMatch(subject, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u)
    t.notMatch(text, /^Bcc/m)
    t.notMatch(text + html, /[\u202e\u2066\u2028\u200f]/)
  }
})

t.test('a long name is cut between characters', async (t) => {
  const mail = compose('verify_email', {
    brand: { ...brand, name: '🦊'.repeat(500) },
    displayName: 'x'.repeat(5000),
  })
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
    'evil｡com',
  ]
  for (const displayName of [...links, '', ' \r\n ', null])
    for (const kind of kinds) {
      t.match(compose(kind, { displayName }).text, /^Hello,\n/)
      t.match(visible(compose(kind, { displayName }).html), /Hello, /)
    }
  for (const displayName of ['J. R. R. Tolkien', 'Sammy Davis Jr.', "Conan O'Brien", '山田 太郎', 'Zoë'])
    t.ok(compose('verify_email', { displayName }).text.startsWith(`Hello ${displayName},\n`))
})

t.test('a mail loads nothing from anywhere, but for the logo of the project', async (t) => {
  const loads = /<(link|script|iframe|object|video|audio|source|svg|form|base|meta http)/i
  for (const { html } of everyMail()) {
    t.notMatch(html, /<img|src\s*=/i)
    t.notMatch(html, loads)
    t.notMatch(html, /url\(|@import|@font-face|srcset/i)
  }
  const logoUrl = 'https://acme.example/logo.png?a="&b=1'
  const { html } = compose('verify_email', { brand: { ...brand, logoUrl } })
  t.strictSame(
    Array.from(html.matchAll(/src="([^"]*)"/g), ([, src = '']) => decode(src)),
    [logoUrl],
  )
  t.match(html, /alt="Acme"/, 'a logo that is not loaded has a name')
  for (const bad of ['javascript:alert(1)', 'data:image/png;base64,AA', '//acme.example/x', ''])
    t.notMatch(compose('verify_email', { brand: { ...brand, logoUrl: bad } }).html, /<img/)
})

t.test('a mail is readable aloud, by day and by night, in any colour of a project', async (t) => {
  for (const { locale, subject, html } of everyMail()) {
    t.ok(html.startsWith(`<!doctype html>\n<html lang="${languageOf(locale).tag}" dir="`))
    t.match(html, '<meta name="color-scheme" content="light dark">')
    t.ok(decode(html).includes(`<title>${subject}</title>`))
  }
  const colors = ['#1f5fbf', '#000000', '#ffffff', '#ffff00', '#777777', '#1c2027', '#ff0000', '#00ff7f']
  for (const color of [...colors, 'red;}body{display:none', '#12345']) {
    const { html } = compose('verify_email', { brand: { ...brand, color } })
    t.notMatch(html, /display:none/)
    const [light = '', dark = ''] = (/<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? '').split('@media')
    for (const sheet of [light, dark]) {
      const card = found(sheet, /\.card { background: (#\w{6})/)
      t.ok(contrast(found(sheet, /body {[^}]*; color: (#\w{6})/), card) >= 4.5)
      t.ok(
        contrast(found(sheet, / {2}a { color: (#\w{6})|^a { color: (#\w{6})/m), card) >= 4.5,
        `link ${color}`,
      )
      t.ok(contrast(found(sheet, /\.quiet { color: (#\w{6})/), card) >= 4.5)
      const button = found(sheet, /a\.button { background: (#\w{6})/)
      t.ok(contrast(found(sheet, /a\.button {[^}]*; color: (#\w{6})/), button) >= 4.5, `button ${color}`)
      t.ok(contrast(found(sheet, /a\.button {[^}]*border-color: (#\w{6})/), card) >= 3, `edge ${color}`)
    }
  }
})

function found(sheet: string, where: RegExp): string {
  const [, one, other] = where.exec(sheet) ?? []
  const color = one ?? other
  if (color === undefined) throw new Error(`no colour at ${where}`)
  return color
}
