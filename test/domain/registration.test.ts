// Registration: the address is proven before there is an account, and nothing is told to whoever has not proven it.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Argon2, loadArgon2 } from '../../src/crypto/passwords.ts'
import {
  completeRegistration,
  isRegistrationOpen,
  proveRegistration,
  requestRegistration,
} from '../../src/domain/accounts/registration.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { cleanUp } from '../../src/jobs/cleanup.ts'
import { createTestDomain, stranger } from '../support/domain.ts'
import { publicUrl, startPost } from '../support/post.ts'

const argon2 = await loadArgon2()
let hashed = 0
const domain = await createTestDomain(t, {
  policy: { verification: { mode: 'strict', resend_cooldown_seconds: 0 }, branding: { name: 'Acme' } },
  argon2: {
    ...argon2,
    hash(...parts: Parameters<Argon2['hash']>) {
      hashed++
      return argon2.hash(...parts)
    },
  },
})
const { project, services, sql } = domain
const ctx = domain.context()
const post = startPost(t, domain)
const password = 'a good long password'

const newEmail = () => `ada.${randomUUID()}@example.com`
const request = (email: string, client = {}) => requestRegistration(ctx, { email, client, locale: null })
const complete = (email: string, over = {}) =>
  completeRegistration(ctx, { email, password, firstName: 'Ada', lastName: 'Lovelace', ...over })
const secretsOf = ({ link = '', text }: { link?: string; text: string }) => ({
  token: new URL(link).searchParams.get('verificationCode') ?? '',
  code: /\b\d{6}\b/.exec(text.replace(/https?:\/\/\S+/g, ''))?.[0] ?? '',
})
async function mailed(email: string) {
  await request(email)
  const mail = await post.mailTo(email, 'register')
  return { mail, ...secretsOf(mail) }
}
/** An account that somebody has, with its address proven. */
async function account() {
  const email = newEmail()
  const { token } = await mailed(email)
  await proveRegistration(ctx, { token })
  return complete(email)
}
const accounts = async (email: string) =>
  (await sql`select count(*)::int as n from users where email = ${email}`)[0]?.n

t.test('mail, proof, account: verified, with its password, and without a session', async (t) => {
  const email = newEmail()
  t.equal(await request(` ${email.toUpperCase()} `), null)
  const mail = await post.mailTo(email, 'register')
  const { token, code } = secretsOf(mail)
  t.equal(
    mail.link,
    `${publicUrl}/account/verify?verificationCode=${token}&email=${encodeURIComponent(email)}&project=${project.id}`,
  )
  t.match(token, /^svt_/)
  t.match(code, /^\d{6}$/)
  t.match(mail.subject, 'Acme')
  t.match(mail.text, /do not confirm/)
  t.equal(await isRegistrationOpen(ctx, token), true)
  t.equal(await isRegistrationOpen(ctx, token), true, 'looking consumes nothing')
  await t.rejects(complete(email), { code: 'address_unproven' }, 'nor does looking prove anything')

  await proveRegistration(ctx, { token })
  t.equal(await isRegistrationOpen(ctx, token), false)
  const user = await complete(email)
  t.equal(user.email, email)
  t.ok(user.emailVerifiedAt)
  t.match(user, { firstName: 'Ada', lastName: 'Lovelace', role: 'user' })
  const events = await sql`select event from audit_events where user_id = ${user.id} order by id`
  t.same(
    events.map(({ event }) => event),
    ['signed_up', 'email_verified'],
  )
  t.same(await sql`select 1 from sessions where user_id = ${user.id}`, [])
  t.ok(await signInWithPassword(ctx, { email, password }))
  t.same(await sql`select 1 from registrations where token_hash is not null and proven_at is not null`, [])
})

t.test('the code proves as the link does, and both work once', async (t) => {
  const email = newEmail()
  const { token, code } = await mailed(email)
  await proveRegistration(ctx, { email, code })
  await t.rejects(proveRegistration(ctx, { token }), { code: 'invalid_verification_token' })
  await t.rejects(proveRegistration(ctx, { email, code }), { code: 'invalid_verification_code' })
  t.ok(await complete(email))
  await t.rejects(complete(email), { code: 'address_unproven' }, 'the proof is taken')
})

t.test(
  'a known address is asked like an unknown one, and its owner reads that there is an account',
  async (t) => {
    const { email, id } = await account()
    const statements = async (work: () => Promise<unknown>) => {
      const before = await sql`select count(*)::int as n from registrations`
      const answer = await work()
      const after = await sql`select count(*)::int as n from registrations`
      return { answer, added: after[0]?.n - before[0]?.n }
    }
    t.same(await statements(() => request(email)), await statements(() => request(newEmail())))
    await post.settled()
    const mail = await post.mailTo(email, 'register')
    t.match(mail.subject, /already have an account/)
    const [row] =
      await sql`select user_id from outbox where recipient = ${email} order by created_at desc limit 1`
    t.equal(Number(row?.user_id), id, 'the mail goes with the account, and is in its export')

    await t.rejects(complete(email), { code: 'address_unproven' })
    await proveRegistration(ctx, { token: secretsOf(mail).token })
    await t.rejects(complete(email, { password: 'of somebody else' }), { code: 'email_taken' })
    await t.rejects(complete(email), { code: 'email_taken' }, 'as often as it is asked within the hour')
    t.ok(await signInWithPassword(ctx, { email, password }), 'nothing was changed')
  },
)

t.test('who proved nothing is refused in the same words, and no hash is computed', async (t) => {
  const { email: known } = await account()
  const unknown = newEmail()
  await mailed(unknown)
  const before = hashed
  for (const email of [known, unknown, newEmail()])
    await t.rejects(complete(email), { code: 'address_unproven', details: {} })
  t.equal(hashed, before)
  t.equal(await accounts(unknown), 0)
})

t.test('a disabled account gets no mail', async (t) => {
  const { email, id } = await account()
  await sql`update users set disabled_at = now() where id = ${id}`
  const before = post.sent.length
  await request(email)
  await post.settled()
  t.same(
    post.sent.slice(before).filter(({ to }) => to === email),
    [],
  )
})

t.test('a newer request replaces an older one, but not a proof', async (t) => {
  const email = newEmail()
  const first = await mailed(email)
  const before = post.sent.length
  const second = await (async () => {
    await request(email)
    await post.settled()
    const mail = post.sent.slice(before).find(({ to }) => to === email)
    if (!mail) throw new Error('There was no second mail.')
    return { mail, ...secretsOf(mail) }
  })()
  t.not(first.token, second.token)
  await t.rejects(proveRegistration(ctx, first), { code: 'invalid_verification_token' })
  await proveRegistration(ctx, { token: second.token })
  await request(email)
  t.ok(await complete(email), 'asking again does not take the proof away')
})

t.test('a proof lives for ten minutes, a request for the lifetime of the policy', async (t) => {
  const late = newEmail()
  const { token } = await mailed(late)
  await sql`update registrations set expires_at = expires_at - interval '1 day'
    where proven_at is null and superseded_at is null`
  await t.rejects(proveRegistration(ctx, { token }), { code: 'invalid_verification_token' })
  const slow = newEmail()
  const { token: other } = await mailed(slow)
  await proveRegistration(ctx, { token: other })
  const [row] = await sql`select extract(epoch from expires_at - now())::int as left from registrations
    where proven_at is not null and expires_at > now()`
  t.ok(row?.left > 500 && row?.left <= 600, String(row?.left))
  await sql`update registrations set expires_at = expires_at - interval '1 hour' where proven_at is not null`
  await t.rejects(complete(slow), { code: 'address_unproven' })
})

t.test('only the client that proved an address makes its account without the code of the mail', async (t) => {
  const email = newEmail()
  const { token } = await mailed(email)
  await proveRegistration(ctx, { token })
  const thief = { ...ctx, caller: { ...ctx.caller, address: '203.0.113.77' } }
  const facts = { email, password: 'password of the thief' }
  await t.rejects(completeRegistration(thief, facts), { code: 'address_unproven' })
  await t.rejects(completeRegistration(thief, facts, 'svt_wrong'), { code: 'address_unproven' })
  await t.rejects(completeRegistration(thief, facts, '000000'), { code: 'invalid_verification_code' })
  t.ok(await complete(email))
})

t.test('the token or the code of the mail completes a registration from any client, once', async (t) => {
  const elsewhere = { ...ctx, caller: { ...ctx.caller, address: '203.0.113.78' } }
  for (const by of ['token', 'code'] as const) {
    const email = newEmail()
    const secrets = await mailed(email)
    const facts = { email, password }
    t.ok(await completeRegistration(elsewhere, facts, secrets[by]))
    await t.rejects(completeRegistration(elsewhere, facts, secrets[by]))
  }
})

t.test('of wrong codes five void the right one, and ten the address for an hour', async (t) => {
  const email = newEmail()
  const { code } = await mailed(email)
  const wrong = code === '000000' ? '000001' : '000000'
  for (let i = 0; i < 5; i++)
    await t.rejects(proveRegistration(ctx, { email, code: wrong }), {
      code: 'invalid_verification_code',
    })
  await t.rejects(proveRegistration(ctx, { email, code }), { code: 'invalid_verification_code' })
  await request(email)
  for (let i = 0; i < 4; i++)
    await t.rejects(proveRegistration(ctx, { email, code: wrong }), {
      code: 'invalid_verification_code',
    })
  await t.rejects(proveRegistration(ctx, { email, code: wrong }), { code: 'too_many_attempts' })
})

t.test('within the cooldown one mail is owed, and the answer is the same', async (t) => {
  const { project: cool } = await createProject(services, 'Cool', {})
  const email = newEmail()
  const ask = () =>
    requestRegistration(domain.context(stranger, null, cool), { email, client: {}, locale: 'de' })
  const answers = await Promise.all(Array.from({ length: 8 }, ask))
  t.same([...new Set(answers)], [null])
  await post.settled()
  const mails = post.sent.filter(({ to }) => to === email)
  t.equal(mails.length, 1)
  t.match(mails[0]?.subject, /^Bestätigen Sie/, 'in the language that was asked for')
})

t.test('sixteen proofs at once prove once, sixteen accounts at once are one', async (t) => {
  const email = newEmail()
  const { token, code } = await mailed(email)
  const proofs = await Promise.allSettled(
    Array.from({ length: 16 }, (_, index) => proveRegistration(ctx, index % 4 ? { token } : { email, code })),
  )
  t.equal(proofs.filter(({ status }) => status === 'fulfilled').length, 1)
  const made = await Promise.allSettled(Array.from({ length: 16 }, () => complete(email)))
  t.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const outcome of made)
    if (outcome.status === 'rejected') t.match(outcome.reason.code, /^(?:address_unproven|email_taken)$/)
  t.equal(await accounts(email), 1)
})

t.test('one project knows nothing of another', async (t) => {
  const { project: other } = await createProject(services, 'Other', {})
  const elsewhere = domain.context(stranger, null, other)
  const email = newEmail()
  const { token, code } = await mailed(email)
  t.equal(await isRegistrationOpen(elsewhere, token), false)
  await t.rejects(proveRegistration(elsewhere, { token }), { code: 'invalid_verification_token' })
  await t.rejects(proveRegistration(elsewhere, { email, code }), { code: 'invalid_verification_code' })
  await proveRegistration(ctx, { token })
  await t.rejects(completeRegistration(elsewhere, { email, password }), { code: 'address_unproven' })
})

t.test('an application that delivers mail itself gets the token, and nobody else', async (t) => {
  const { project: app } = await createProject(services, 'App', { verification: { delivery: 'app' } })
  const email = newEmail()
  const asked = { email, client: {}, locale: null }
  const backEnd = domain.context({ ...stranger, provesProject: true }, null, app)
  const visitor = domain.context(stranger, null, app)
  const token = await requestRegistration(backEnd, asked)
  t.match(token, /^svt_/)
  await proveRegistration(visitor, { token: token ?? '' })
  t.ok(await completeRegistration(visitor, { email, password }))
  const { email: _, ...rest } = asked
  t.equal(await requestRegistration(visitor, { ...rest, email: newEmail() }), null)
  await post.settled()
  t.notOk(post.sent.some(({ to }) => to === email))
})

t.test('a stranger’s wishes for the mail are checked like those for a reset', async (t) => {
  await t.rejects(request(newEmail(), { logoUrl: 'https://evil.example/x.png' }), {
    code: 'logo_not_allowed',
  })
  const email = newEmail()
  await request(email, { platformName: 'Studio <b>', clientAlias: 'STUDIO' })
  const mail = await post.mailTo(email, 'register')
  t.notMatch(mail.subject, 'Studio')
  t.notMatch(mail.html, 'Studio <b>')
  t.match(mail.link, `${publicUrl}/account/verify?`)
  t.match(mail.link, '&clientAlias=STUDIO&project=')
})

t.test('no address rests in a registration, no secret in its mail, and both are cleaned up', async (t) => {
  const email = newEmail()
  const { token, code } = await mailed(email)
  await post.settled()
  const [row] =
    await sql`select to_jsonb(registrations)::text as text from registrations order by created_at desc limit 1`
  // Hashes are hexadecimal, and now and then there is an "ada" in one.
  t.notMatch(row?.text, /ada\.|example|@/)
  const [owed] = await sql`select to_jsonb(outbox)::text as text from outbox where recipient = ${email}`
  t.notMatch(owed?.text, token)
  t.notMatch(owed?.text.replace(/[\d-]+T[\d:.+]+|[\da-f]{8}-[\da-f-]{27}/g, ''), code)
  await sql`update registrations set expires_at = expires_at - interval '3 days'`
  await sql`update outbox set sent_at = sent_at - interval '25 hours'`
  await cleanUp(services.stores, new AbortController().signal)
  t.same(await sql`select 1 from registrations`, [])
  t.same(await sql`select 1 from outbox where user_id is null`, [], 'mail to strangers goes after a day')
  t.ok(
    (await sql`select 1 from outbox where user_id is not null`).length > 0,
    'that of accounts stays a week',
  )
})
