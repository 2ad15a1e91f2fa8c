// The pages of mail links: in the language of the mail, in the project's name and colour, and kind to a second click.
import { html } from 'ghtml'
import t from 'tap'
import { languages } from '../../src/formats.ts'
import { bearer, startTestApp } from '../support/app.ts'

const branding = { name: 'Fleur & Söhne <b>', color: '#ff69b4' }
const app = await startTestApp(t, { policy: { branding, verification: { mode: 'lenient' } } })
const strict = await app.project({ verification: { mode: 'strict' } })
const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** One sentence of the reset page and one of the dead link, as people of each language know them. */
const sentences = {
  en: ['en', 'ltr', 'Choose a new password', 'This link no longer works'],
  de: ['de', 'ltr', 'Wählen Sie ein neues Passwort', 'Dieser Link funktioniert nicht mehr'],
  fr: ['fr', 'ltr', 'Choisissez un nouveau mot de passe', 'Ce lien ne fonctionne plus'],
  es: ['es', 'ltr', 'Elige una contraseña nueva', 'Este enlace ya no funciona'],
  zh: ['zh-Hans', 'ltr', '请设置新密码', '此链接已失效'],
  ar: ['ar', 'rtl', 'اختيار كلمة مرور جديدة', 'لم يعد هذا الرابط يعمل'],
} as const

const pathOf = (link: string | null | undefined) => {
  const { pathname, search } = new URL(link ?? '')
  return pathname + search
}
const visit = (link: string | null | undefined, headers: Record<string, string> = {}) =>
  app.send('GET', pathOf(link), { headers })
const newest = async (email: string, kind: string) =>
  (await app.mailbox.waitFor(email, { count: 2 })).filter((mail) => mail.kind === kind).at(-1)
const heading = (body: string) => /<h1>(.*?)<\/h1>/s.exec(body)?.[1]
const press = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  app.send('POST', path, {
    headers: { ...form, ...headers },
    body: new URLSearchParams(fields).toString(),
  })

async function resetMail(locale: string | null) {
  const who = await app.signUp()
  if (locale !== null) {
    const body = { locale }
    t.equal((await app.api('PATCH', '/profile', { headers: bearer(who), body })).status, 200)
  }
  await app.api('POST', '/forgot-password', { body: { email: who.email } })
  const mail = await newest(who.email, 'reset_password')
  if (!mail) throw new Error('No mail came.')
  return mail
}

for (const language of languages)
  t.test(`${language}: the page speaks as the mail did, whatever the browser prefers`, async (t) => {
    const [tag, direction, title, dead] = sentences[language]
    const mail = await resetMail(language === 'zh' ? 'zh-CN' : language)
    t.match(mail.html, `<html lang="${tag}" dir="${direction}">`)
    t.equal(new URL(mail.link ?? '').searchParams.get('lang'), language)
    const headers = { 'accept-language': language === 'fr' ? 'es' : 'fr' }
    const page = await visit(mail.link, headers)
    t.equal(page.status, 200)
    t.match(page.body, `<html lang="${tag}" dir="${direction}">`)
    t.equal(page.headers.get('content-language'), tag)
    t.equal(heading(page.body), title)
    t.match(page.body, `name="lang" value="${language}"`, 'the form keeps it')
    t.notMatch(page.body, '\\n', 'and shows no code')

    const fields = { project: app.projectId, token: mail.token ?? '', lang: language, password: 'short' }
    const short = await press('/account/reset-password', fields, headers)
    t.equal(short.status, 422)
    t.match(short.body, /role="alert">[^<]*8/)
    t.match(short.body, `<html lang="${tag}"`)
    const common = await press('/account/reset-password', { ...fields, password: 'password123' }, headers)
    t.equal(common.status, 422)
    if (language !== 'en') t.notMatch(common.body, /Please choose/)
    const done = await press('/account/reset-password', { ...fields, password: 'a pass phrase of ours' })
    t.equal(done.status, 200)
    const gone = await visit(mail.link, headers)
    t.equal(heading(gone.body), dead)
    t.notMatch(gone.body, '\\n')
  })

t.test('a reader whose language is unknown gets that of the browser, else English', async (t) => {
  const { link } = await resetMail(null)
  t.notOk(new URL(link ?? '').searchParams.has('lang'))
  t.equal(heading((await visit(link)).body), sentences.en[2])
  for (const [accepted, language] of [
    ['de-AT,en;q=0.5', 'de'],
    ['ar', 'ar'],
    ['tlh, zh-TW;q=0.9, en;q=0.1', 'zh'],
    ['xx', 'en'],
  ] as const) {
    const page = await visit(link, { 'accept-language': accepted })
    t.equal(heading(page.body), sentences[language][2], accepted)
    t.notMatch(page.body, 'name="lang"')
  }
  for (const lang of [
    'xx',
    '',
    '%00',
    '%3Cb%3E',
    'de&lang=fr',
    `${'a'.repeat(2000)}`,
    '__proto__',
    'constructor',
  ]) {
    const page = await visit(`${link}&lang=${lang}`)
    t.equal(heading(page.body), sentences.en[2], lang)
    t.notMatch(page.body, 'name="lang"', 'and is not repeated')
  }
  t.equal(heading((await visit(`${link}&lang=DE-at`)).body), sentences.de[2], 'as people write it')
})

t.test(
  'the page is the project’s: its name, escaped, and its colour, readable by day and night',
  async (t) => {
    const mail = await resetMail('de')
    const name = html`${branding.name}`
    t.notMatch(name, '<')
    t.ok(mail.html.includes(name))
    t.match(mail.html, '#ff69b4')
    const page = await visit(mail.link)
    t.ok(page.body.includes(`<bdi>${name}</bdi></p>`))
    t.match(page.body, '--button: #ff69b4; --on-button: #000000')
    const policy = page.headers.get('content-security-policy') ?? ''
    t.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/)
    const other = await app.project({ branding: { color: '#0b3d91' } })
    const elsewhere = await visit(mail.link?.replace(app.projectId, other.id))
    t.equal(elsewhere.status, 422, 'of another project the link is dead')
    t.match(elsewhere.body, '--button: #0b3d91')
    t.not(elsewhere.headers.get('content-security-policy'), policy, 'whose sheet is another')
    const nobody = await visit(mail.link?.replace(app.projectId, '00000000-0000-4000-8000-000000000000'))
    t.match(nobody.body, '--button: #1f5fbf')
    t.notMatch(nobody.body, 'class="brand"')
  },
)

t.test('From has the brand of the project, else the name of MAIL_FROM, else the project’s', async (t) => {
  t.equal((await resetMail(null)).fromName, branding.name)
  for (const [name, MAIL_FROM, expected] of [
    ['Blüte', undefined, 'Blüte'],
    ['Blüte', 'Example <no-reply@example.com>', 'Blüte'],
    [undefined, 'Example <no-reply@example.com>', 'Example'],
    [undefined, 'no-reply@example.com', 'Test'],
    [undefined, undefined, 'Test'],
    ['Evil\u2028Bcc: x@example.com', undefined, 'Evil Bcc: x@example.com'],
  ] as const) {
    const policy = name === undefined ? {} : { branding: { name } }
    const one = await startTestApp(t, { policy, env: MAIL_FROM ? { MAIL_FROM } : {} })
    const { email } = await one.signUp()
    t.equal((await one.mailbox.waitFor(email))[0]?.fromName, expected)
    await one.close()
  }
})

t.test('an address that is verified already is told so, by any of its links', async (t) => {
  const who = await app.signUp()
  const [mail] = await app.mailbox.waitFor(who.email)
  const fields = { project: app.projectId, token: mail?.token ?? '' }
  const code = { email: who.email, code: mail?.code ?? '' }
  t.equal((await app.api('POST', '/verify-email/confirm', { body: code })).status, 200)
  const shown = await visit(mail?.link)
  t.same([shown.status, heading(shown.body)], [200, 'Your address is verified already'])
  t.notMatch(shown.body, '<form')
  const pressed = await press('/account/verify-email', fields)
  t.same([pressed.status, heading(pressed.body)], [200, 'Your address is verified already'])
  const german = await press('/account/verify-email', { ...fields, lang: 'de' })
  t.equal(heading(german.body), 'Ihre Adresse ist schon bestätigt')
  const denied = await press('/account/verify-email', { ...fields, answer: 'no' })
  t.equal(denied.status, 422, '“This was not me” can do nothing any more, and says so')
  // Who moved to another address is not told about the former one.
  await app.sql`update users set email = ${`moved-${who.email}`} where email = ${who.email}`
  t.equal((await press('/account/verify-email', fields)).status, 422)
})

t.test('a superseded or expired link of an address that is not verified stays dead', async (t) => {
  const who = await app.signUp()
  const [mail] = await app.mailbox.waitFor(who.email)
  const fields = { project: app.projectId, token: mail?.token ?? '' }
  await app.sql`update verification_tokens set expires_at = now() where email = ${who.email}`
  t.equal((await press('/account/verify-email', fields)).status, 422)
  t.equal((await press('/account/verify-email', { ...fields, token: 'svt_unknown' })).status, 422)
})

t.test('strict: a claim that was proven is told the same on the next click', async (t) => {
  const headers = { 'project-id': strict.id }
  const email = 'claimed@example.com'
  const body = { email, password: 'a good long password' }
  t.equal((await app.api('POST', '/signup', { headers, body })).status, 202)
  const [mail] = await app.mailbox.waitFor(email)
  const fields = { project: strict.id, token: mail?.token ?? '' }
  t.equal(heading((await press('/account/verify-email', fields)).body), 'Your address is verified')
  t.equal(heading((await press('/account/verify-email', fields)).body), 'Your address is verified already')
  t.equal(heading((await visit(mail?.link)).body), 'Your address is verified already')
  const byToken = await app.api('POST', '/verify-email/confirm', { headers, body: { token: fields.token } })
  t.equal(byToken.status, 422, 'the token itself works once')
})

t.test('a change of address that was made already says so', async (t) => {
  const { email, password, ...who } = await app.signUp()
  const to = `new-${email}`
  const body = { new_email: to, current_password: password }
  t.equal((await app.api('POST', '/change-email', { headers: bearer(who), body })).status, 202)
  const [mail] = await app.mailbox.waitFor(to)
  const fields = { project: app.projectId, token: mail?.token ?? '', password }
  t.equal(heading((await press('/account/change-email', fields)).body), 'Your address has changed')
  t.equal(heading((await press('/account/change-email', fields)).body), 'Your address has changed already')
  t.equal(heading((await visit(mail?.link)).body), 'Your address has changed already')
})

t.test('a sign-in through a provider that cannot go on says so in the browser’s language', async (t) => {
  const path = `/api/auth/login/social/google/callback?state=x&code=y&project_id=${app.projectId}`
  const page = await app.send('GET', path, { headers: { 'accept-language': 'ar' } })
  t.equal(page.status, 422)
  t.match(page.body, '<html lang="ar" dir="rtl">')
})
