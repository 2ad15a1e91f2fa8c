// Clients that ask in their own name: their links and logos lead to listed origins alone, whatever they write.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { requestResetForClient, resetPassword } from '../../src/domain/accounts/recovery.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { type Client, checkClient } from '../../src/domain/projects/clients.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { createTestDomain, stranger } from '../support/domain.ts'
import { publicUrl, startPost } from '../support/post.ts'

const policy = {
  verification: { resend_cooldown_seconds: 0 },
  branding: { name: 'Acme', logo_url: 'https://cdn.acme.test/logo.png' },
  link_origins: ['https://app.example.com', 'http://localhost:5173'],
  clients: [{ alias: 'VERIFIER', url: 'https://app.example.com/verifier/' }],
}
const domain = await createTestDomain(t, { policy })
const { context, project, services, sql } = domain
const post = startPost(t, domain)
const password = 'a good long password'

async function person() {
  const email = `ada+${randomUUID()}@example.com`
  const signedUp = await signUp(context(), { email, password })
  if (signedUp.kind !== 'signed_in') throw new Error('A session was expected.')
  return { email, user: signedUp.grant.user }
}
const request = (email: string, client: Client = {}) => requestResetForClient(context(), { email, client })
async function mailFor(client: Client) {
  const { email } = await person()
  await request(email, client)
  return { email, mail: await post.mailTo(email, 'reset_password') }
}
const tokenOf = (link = '') => new URL(link).searchParams.get('verificationCode') ?? ''

const tricks = [
  'https://evil.example',
  'https://app.example.com.evil.example/',
  'https://evilapp.example.com/',
  'https://sub.app.example.com/',
  'https://app.example.com:8443/',
  'http://app.example.com/',
  'https://app.example.com@evil.example/',
  'https://user:pass@app.example.com/',
  'https://user@app.example.com/',
  'https:\\\\evil.example\\@app.example.com',
  'https://evil.example\\.app.example.com/',
  'https://evil.example#.app.example.com',
  'https://evil.example?.app.example.com',
  '//app.example.com/',
  '/\\app.example.com',
  'app.example.com',
  'javascript:alert(1)//https://app.example.com',
  'data:text/html,https://app.example.com',
  'blob:https://app.example.com/1',
  'file://app.example.com/',
  'ftp://app.example.com/',
  'https://app。example。com.evil.example/',
  'https://[::1]/',
  'null',
  '\0',
  ' ',
]

t.test('no trick of spelling gets a link base or a logo past the list', async (t) => {
  for (const trick of tricks) {
    t.throws(() => checkClient(project, { linkBase: trick }), { code: 'redirect_not_allowed' }, trick)
    t.throws(() => checkClient(project, { logoUrl: trick }), { code: 'logo_not_allowed' }, trick)
  }
  const { project: bare } = await createProject(services, 'Bare', {})
  t.throws(() => checkClient(bare, { linkBase: 'https://app.example.com' }), {
    code: 'redirect_not_allowed',
  })
})

t.test('a refused wish owes no mail and says nothing of the account', async (t) => {
  const { email, user } = await person()
  await t.rejects(request(email, { linkBase: 'https://evil.example' }), { code: 'redirect_not_allowed' })
  await t.rejects(request(email, { logoUrl: 'https://evil.example/x.png' }), { code: 'logo_not_allowed' })
  await t.rejects(request('nobody@example.com', { linkBase: 'https://evil.example' }), {
    code: 'redirect_not_allowed',
  })
  const [row] =
    await sql`select count(*)::int as n from outbox where user_id = ${user.id} and kind = 'reset_password'`
  t.equal(row?.n, 0)
})

t.test('an alias that cannot stand in a link is refused', async (t) => {
  for (const clientAlias of ['a\r\nBcc: x@y.test', 'a\0', '\ud800', 'x'.repeat(101)])
    t.throws(() => checkClient(project, { clientAlias }), { code: 'redirect_not_allowed' })
  t.same(checkClient(project, { clientAlias: '' }), {})
})

t.test('the link begins where the client says, and its token sets a password once', async (t) => {
  const { email, mail } = await mailFor({
    linkBase: 'https://app.example.com/base/?drop=1#too',
    clientAlias: 'STUDIO & co',
    platformName: 'Studio',
    logoUrl: 'https://app.example.com/logo.png',
  })
  const token = tokenOf(mail.link)
  t.equal(
    mail.link,
    `https://app.example.com/base/reset-password?verificationCode=${token}&email=${encodeURIComponent(email)}&clientAlias=STUDIO%20%26%20co`,
  )
  t.equal(mail.subject, '[Studio] Important: Password Reset Request')
  t.match(mail.html, '<img class="logo" src="https://app.example.com/logo.png" alt="Studio"')
  t.match(mail.text, 'Studio')
  t.match(mail.text, `\n${mail.link}\n`, 'the plain link stands alone')
  t.notMatch(mail.text, /\b\d{6}\b/, 'no code: such a client has no place for it')
  await resetPassword(context(), { token }, 'another good password')
  t.ok(await signInWithPassword(context(), { email, password: 'another good password' }))
  await t.rejects(resetPassword(context(), { token }, 'once more please'), {
    code: 'invalid_verification_token',
  })
})

t.test('without a base a known alias leads to its URL, and an unknown one to our own page', async (t) => {
  const known = await mailFor({ clientAlias: 'VERIFIER' })
  t.match(known.mail.link, 'https://app.example.com/verifier/reset-password?verificationCode=svt_')
  t.match(known.mail.link, /&clientAlias=VERIFIER$/)
  t.equal(known.mail.subject, '[Acme] Important: Password Reset Request', 'the project’s own name')
  const given = await mailFor({ clientAlias: 'VERIFIER', linkBase: 'http://localhost:5173' })
  t.match(given.mail.link, 'http://localhost:5173/reset-password?', 'a base comes first')
  for (const client of [{}, { clientAlias: 'WALLET' }]) {
    const { mail, email } = await mailFor(client)
    const url = new URL(mail.link ?? '')
    t.equal(`${url.origin}${url.pathname}`, `${publicUrl}/account/reset-password`)
    t.equal(url.searchParams.get('email'), email)
    t.equal(url.searchParams.get('project'), project.id)
    t.equal(url.searchParams.get('clientAlias'), client.clientAlias ?? null)
  }
})

t.test('an origin that is taken off the list before the mail is written is no longer followed', async (t) => {
  const { project: other } = await createProject(services, 'Moving', policy)
  const email = `${randomUUID()}@example.com`
  await signUp(context(stranger, null, other), { email, password })
  const stale = { ...other, policy: { ...other.policy, link_origins: ['https://gone.example'] } }
  const client = { linkBase: 'https://gone.example', logoUrl: 'https://gone.example/x.png' }
  await requestResetForClient(context(stranger, null, stale), { email, client })
  const mail = await post.mailTo(email, 'reset_password')
  t.match(mail.link, `${publicUrl}/account/reset-password?`)
  t.notMatch(mail.html, 'gone.example')
})

t.test('what a caller calls its platform is text: no markup, no header, no link', async (t) => {
  for (const platformName of [
    'A & <b onload=x>B</b> "quoted"',
    'Nice\r\nBcc: victim\r\n\r\nbody',
    'Your account was locked',
    'call 0800 123',
    'Pay 99-44',
    'x'.repeat(50_000),
    'win at evil.example now',
    'https://evil.example',
    'www.evil',
    'mail a@b',
    '//evil',
  ])
    for (const client of [{}, { linkBase: 'https://app.example.com' }, { clientAlias: 'VERIFIER' }]) {
      const { mail } = await mailFor({ platformName, ...client })
      t.equal(mail.subject, '[Acme] Important: Password Reset Request', platformName)
      t.notMatch(mail.text, platformName)
    }
})

t.test('a stranger’s name speaks in no mail: the project must know it, or the client', async (t) => {
  const { mail } = await mailFor({ platformName: 'Some Bank' })
  t.equal(mail.subject, '[Acme] Important: Password Reset Request')
  t.notMatch(mail.html, 'Some Bank')
  const known = {
    ...policy,
    clients: [{ alias: 'W', url: 'https://app.example.com/w', name: 'Die Brieftasche' }],
  }
  const { project: own } = await createProject(services, 'Known names', known)
  for (const [platformName, shown] of [
    ['die brieftasche', 'Die Brieftasche'],
    ['w', 'W'],
    ['KNOWN NAMES', 'Known names'],
    ['Verifier', undefined],
  ])
    t.equal(checkClient(own, { platformName: platformName ?? '' }).platform, shown)
  t.equal(checkClient(own, { platformName: 'Verifier', clientAlias: 'W' }).platform, 'Verifier')
})

t.test('known and unknown addresses are answered alike, and asking twice tells nothing', async (t) => {
  const { email, user } = await person()
  const known = await request(` ${email.toUpperCase()}`)
  t.match(known, { email, token: null })
  t.not(known.id, user.uuid, 'and nobody recognises the account')
  t.same(await request(email), known)
  const unknown = await request('Nobody@Example.com ')
  t.match(unknown.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.same(await request('nobody@example.com'), unknown, 'the same id each time, as for an account')
  t.not((await request('somebody@example.com')).id, unknown.id)
  const { project: other } = await createProject(services, 'Other', {})
  const elsewhere = await requestResetForClient(context(stranger, null, other), {
    email: 'nobody@example.com',
    client: {},
  })
  t.not(elsewhere.id, unknown.id, 'and another one in another project')
  await post.settled()
  t.equal(post.sent.filter(({ to }) => /nobody|somebody/.test(to)).length, 0)
})

t.test('no secret rests in the row that owes the mail', async (t) => {
  const { mail, email } = await mailFor({ clientAlias: 'VERIFIER', platformName: 'Studio' })
  const token = tokenOf(mail.link)
  const rows =
    await sql`select details::text as details from outbox where recipient is null or recipient = ${email}`
  t.ok(rows.length > 0)
  for (const { details } of rows) t.notMatch(details, token)
})
