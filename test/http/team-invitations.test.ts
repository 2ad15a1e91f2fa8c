// Invitations: the same answer for every address, a mail with a link that works once, and only its owner gets in.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { readExposition, total } from '../support/exposition.ts'
import { headerNames, isProblem } from '../support/problems.ts'
import { type Person, teamsOf } from '../support/teams.ts'

const app = await startTestApp(t, { policy: { redirect_urls: ['https://app.example.com/join?from=mail'] } })
const { as, person, team, add, invitationMail, rolesOf } = teamsOf(app)
const invite = (admin: Person, id: string, email: string, role = 'BUILDER', more: object = {}) =>
  as(admin, 'POST', `/teams/${id}/invitations`, { email, role, ...more })
const accept = (who: Person, token: string | null) => as(who, 'POST', '/team-invitations/accept', { token })
const page = '/account/team-invitation'
const asForm = { 'content-type': 'application/x-www-form-urlencoded' }
const submit = (fields: Record<string, string>) =>
  app.send('POST', page, { headers: asForm, body: new URLSearchParams(fields).toString() })

t.test('an invitation is mailed, accepted by its owner, once', async (t) => {
  const [ada, bob] = [await person({ display_name: 'Ada' }), await person()]
  const id = await team(ada)
  const sent = await invite(ada, id, ` ${bob.email.toUpperCase()} `)
  t.equal(sent.status, 202)
  t.same(Object.keys(sent.body), ['message', 'invitation'], 'no token in a body')
  t.match(sent.body.invitation, { email: bob.email, role: 'BUILDER', invited_by: ada.uuid })
  const [open, ...none] = (await as(ada, 'GET', `/teams/${id}/invitations`)).body.data
  // Its life begins anew when its mail leaves, which may be now.
  t.same([{ ...open, expires_at: sent.body.invitation.expires_at }, ...none], [sent.body.invitation])
  const mail = await invitationMail(bob.email)
  t.match(mail.text, 'join the team “Rockets”')
  t.match(mail.text, /^Hello,$/m, 'greets nobody by the name of who invites')
  t.equal(mail.code, null)
  t.match(mail.token, /^sti_/)
  t.notMatch(JSON.stringify(await app.sql`select * from outbox where recipient = ${bob.email}`), /sti_/)
  const joined = await accept(bob, mail.token)
  t.match([joined.status, joined.body], [200, { id, name: 'Rockets', role: 'BUILDER', member_count: 2 }])
  t.same((await as(ada, 'GET', `/teams/${id}/invitations`)).body.data, [])
  isProblem(t, await accept(bob, mail.token), 'validation_failed', ['token'])
  isProblem(t, await invite(ada, id, bob.email), 'validation_failed', ['email'])
  const { body } = await as(bob, 'GET', '/me/activity')
  t.equal(body.data[0].event, 'team_joined')
})

t.test('an address with an account and one without are answered alike, by both routes', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  const shape = (value: unknown) =>
    JSON.stringify(value)
      .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'uuid')
      .replace(/\d{4}-[\dT:.-]+Z/g, 'instant')
      .replace(/[\w-]+@example\.com/g, 'address')
  for (const path of ['members', 'invitations']) {
    const answers = []
    for (const email of [bob.email, `nobody-${randomUUID()}@example.com`])
      answers.push(await as(ada, 'POST', `/teams/${id}/${path}`, { email, role: 'VIEWER' }))
    const [known, unknown] = answers
    t.same([known?.status, unknown?.status], [202, 202])
    t.equal(shape(known?.body), shape(unknown?.body))
    t.same(known && headerNames(known), unknown && headerNames(unknown))
  }
  t.same(await rolesOf(ada, id), { [ada.uuid]: 'ADMIN' }, 'nobody is a member who did not accept')
})

t.test('the mail of an invitation is written in the language of who gets it', async (t) => {
  const [ada, bob] = [await person({ display_name: 'Ada Lovelace' }), await person()]
  await as(bob, 'PATCH', '/profile', { locale: 'de' })
  const id = await team(ada, 'evil.com')
  await invite(ada, id, bob.email)
  const mail = await invitationMail(bob.email)
  t.match(mail.subject, /Einladung in ein Team/)
  t.match(mail.text, /^Eingeladen von: Ada Lovelace\nRolle: Entwicklung$/m)
  t.notMatch(mail.text, /evil/, 'a name that reads like a link is not delivered to a stranger')
})

t.test('422 · another account, an unproven one, a wrong token: nobody gets in', async (t) => {
  const [ada, bob, eve] = [await person(), await person(), await person()]
  const id = await team(ada)
  await invite(ada, id, bob.email)
  const { token } = await invitationMail(bob.email)
  const refusals = []
  for (const [who, tried] of [
    [eve, token],
    [eve, 'sti_nothing'],
    [bob, `${token}x`],
    [bob, 'x'],
  ] as const)
    refusals.push((await accept(who, tried)).body.errors)
  t.equal(new Set(refusals.map((errors) => JSON.stringify(errors))).size, 1, 'all refused alike')
  for (const wrong of [undefined, null, 7, '', 'x'.repeat(2000), {}])
    isProblem(t, await as(bob, 'POST', '/team-invitations/accept', { token: wrong }), 'validation_failed', [
      'token',
    ])
  await app.sql`update users set email_verified_at = null where email = ${bob.email}`
  isProblem(t, await accept(bob, token), 'email_verification_required')
  const other = await app.project()
  const headers = { 'project-id': other.id }
  const body = { email: bob.email, password: bob.password }
  const twin = await app.api('POST', '/signup', { headers, body })
  await app.sql`update users set email_verified_at = now() where email = ${bob.email}`
  const foreign = { headers: { ...bearer(twin), ...headers }, body: { token } }
  isProblem(t, await app.api('POST', '/team-invitations/accept', foreign), 'validation_failed', ['token'])
  t.same(await rolesOf(ada, id), { [ada.uuid]: 'ADMIN' })
  t.equal((await accept(bob, token)).status, 200, 'and the invitation still works')
})

t.test(
  'an invitation that was revoked, replaced, has expired or whose team is gone lets nobody in',
  async (t) => {
    const [ada, bob] = [await person(), await person()]
    const id = await team(ada)
    const invited = async () => {
      const count = (await app.mailbox.all()).filter(
        ({ to, kind }) => to === bob.email && kind === 'team_invitation',
      )
      const { invitation } = (await invite(ada, id, bob.email)).body
      for (let i = 0; i < 160; i++) {
        const mails = (await app.mailbox.all()).filter(
          ({ to, kind }) => to === bob.email && kind === 'team_invitation',
        )
        if (mails.length > count.length) return { invitation, token: mails.at(-1)?.token ?? '' }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error('No invitation came.')
    }
    const dead = async (token: string) =>
      isProblem(t, await accept(bob, token), 'validation_failed', ['token'])
    const revoked = await invited()
    const path = `/teams/${id}/invitations/${revoked.invitation.id}`
    t.same((await as(ada, 'DELETE', path)).status, 204)
    isProblem(t, await as(ada, 'DELETE', path), 'not_found')
    for (const unknown of [randomUUID(), 'x'])
      isProblem(t, await as(ada, 'DELETE', `/teams/${id}/invitations/${unknown}`), 'not_found')
    await dead(revoked.token)
    const [replaced, newest] = [await invited(), await invited()]
    await dead(replaced.token)
    t.equal((await as(ada, 'GET', `/teams/${id}/invitations`)).body.data.length, 1)
    await app.sql`update team_invitations set expires_at = now() - interval '1 second' where id = ${newest.invitation.id}`
    t.same((await as(ada, 'GET', `/teams/${id}/invitations`)).body.data, [])
    await dead(newest.token)
    const last = await invited()
    await as(ada, 'DELETE', `/teams/${id}`)
    await dead(last.token)
  },
)

t.test('an invitation that was withdrawn before its mail was sent is not sent', async (t) => {
  const ada = await person()
  const email = `withdrawn-${randomUUID()}@example.com`
  // What is left of an invitation that was revoked, accepted or replaced: its mail, still owed.
  await app.sql`insert into outbox (id, project_id, user_id, kind, recipient)
    select gen_random_uuid(), ${app.projectId}, id, 'team_invitation', ${email} from users where uuid = ${ada.uuid}`
  for (let i = 0; i < 160; i++) {
    const [mail] = await app.sql`select sent_at from outbox where recipient = ${email}`
    if (mail?.sent_at) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.ok((await app.sql`select 1 from outbox where recipient = ${email} and sent_at is not null`).length)
  t.same(await app.mailbox.waitFor(email, { ms: 0 }), [], 'nothing is owed any more, and nothing was sent')
})

t.test('redirect_to leads to the application, where it is allowed', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  const redirect_to = 'https://app.example.com/join?from=mail'
  t.equal((await invite(ada, id, bob.email, 'VIEWER', { redirect_to })).status, 202)
  const link = new URL((await invitationMail(bob.email)).link ?? '')
  t.equal(link.origin + link.pathname, 'https://app.example.com/join')
  t.match(Object.fromEntries(link.searchParams), { from: 'mail', type: 'team_invitation', token: /^sti_/ })
  for (const wrong of [
    'https://evil.example',
    'javascript:alert(1)',
    '//app.example.com',
    'x',
    'https://app.example.com/join',
  ]) {
    const answer = await invite(ada, id, 'x@example.com', 'VIEWER', { redirect_to: wrong })
    isProblem(t, answer, 'validation_failed', ['redirect_to'])
  }
})

t.test('where applications deliver, the token is in the body of the application alone', async (t) => {
  const own = await startTestApp(t, {
    policy: { verification: { delivery: 'app' }, teams: { max_invitations: 1 } },
  })
  const at = teamsOf(own)
  const [ada, bob] = [await at.person(), await at.person()]
  const id = await at.team(ada)
  const body = { email: bob.email, role: 'OPERATOR' }
  const plain = await at.as(ada, 'POST', `/teams/${id}/invitations`, body)
  t.same(Object.keys(plain.body), ['message', 'invitation'])
  const trusted = await at.as(ada, 'POST', `/teams/${id}/invitations`, body, at.secret)
  t.match(trusted.body.token, /^sti_/)
  t.same(await own.sql`select 1 from outbox where kind = 'team_invitation'`, [])
  const full = await at.as(ada, 'POST', `/teams/${id}/invitations`, { ...body, email: 'x@example.com' })
  isProblem(t, full, 'team_limit_reached')
  const joined = await at.as(bob, 'POST', '/team-invitations/accept', { token: trusted.body.token })
  t.equal(joined.body.role, 'OPERATOR')
  t.notMatch(JSON.stringify(own.logs), /sti_/, 'no token in the log')
})

t.test('GET /account/team-invitation · shows what it is for and consumes nothing', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada, '<b>Rockets</b> & Co')
  await invite(ada, id, bob.email)
  const { link, token } = await invitationMail(bob.email)
  const path = new URL(link ?? '').pathname + new URL(link ?? '').search
  t.ok(link?.startsWith(`${app.url}${page}?`))
  for (let i = 0; i < 3; i++) {
    const shown = await app.send('GET', path)
    t.equal(shown.status, 200)
    t.match(shown.body, '&#60;b&#62;Rockets&#60;/b&#62; &#38; Co')
    t.match(shown.body, bob.email)
  }
  t.equal((await app.send('HEAD', path)).status, 200)
  for (const dead of [
    page,
    `${page}?project=${app.projectId}`,
    `${page}?project=x&token=${token}`,
    `${path}x`,
  ])
    t.equal((await app.send('GET', dead)).status, 422, dead)
  const other = await app.project()
  t.equal((await app.send('GET', `${page}?project=${other.id}&token=${token}`)).status, 422)

  const fields = { project: app.projectId, token: token ?? '' }
  const wrong = await submit({ ...fields, password: 'wrong' })
  t.equal(wrong.status, 422)
  t.match(wrong.body, 'The password is wrong, or there is no account')
  t.same(await rolesOf(ada, id), { [ada.uuid]: 'ADMIN' })
  const sessions = async () => (await as(bob, 'GET', '/sessions')).body.data.length
  const before = await sessions()
  const done = await submit({ ...fields, password: bob.password })
  t.equal(done.status, 200)
  t.same(done.cookies, {})
  t.equal((await rolesOf(ada, id))[bob.uuid], 'BUILDER')
  t.equal(await sessions(), before, 'nobody is signed in by it')
  t.equal((await submit({ ...fields, password: bob.password })).status, 422)
  t.equal((await app.send('GET', path)).status, 422)
})

t.test('POST /account/team-invitation · refuses like a sign-in, and tells nothing else', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  await invite(ada, id, bob.email)
  const email = `nobody-${randomUUID()}@example.com`
  await invite(ada, id, email)
  const fieldsFor = async (to: string) => ({
    project: app.projectId,
    token: (await invitationMail(to)).token ?? '',
  })
  const [known, unknown] = [await fieldsFor(bob.email), await fieldsFor(email)]
  const tried = [
    await submit({ ...known, password: 'wrong' }),
    await submit({ ...unknown, password: 'wrong' }),
  ]
  t.same(
    tried.map(({ status }) => status),
    [422, 422],
  )
  const bare = (body: string) => body.replaceAll(/[\w-]+@example\.com|sti_[\w-]+/g, '')
  t.equal(bare(tried[0]?.body), bare(tried[1]?.body))
  for (const left of [
    {},
    { ...known },
    { ...known, password: 'x'.repeat(1025) },
    { ...known, token: 'x', password: 'x' },
  ])
    t.equal((await submit(left as Record<string, string>)).status, 422)

  await app.sql`update users set email_verified_at = null where email = ${bob.email}`
  t.equal((await submit({ ...known, password: bob.password })).status, 403)
  await app.sql`update users set email_verified_at = now(), disabled_at = now() where email = ${bob.email}`
  t.equal((await submit({ ...known, password: bob.password })).status, 403)
  await app.sql`update users set disabled_at = null where email = ${bob.email}`
  for (let tries = 0; tries < 5; tries++) await submit({ ...known, password: 'wrong' })
  t.equal((await submit({ ...known, password: bob.password })).status, 429)
  const metrics = readExposition((await app.send('GET', '/metrics')).body)
  t.equal(total(metrics, 'sallyport_lockout_refusals_total'), 1, 'counted as by the API')
  const body = { email: bob.email, password: bob.password }
  isProblem(t, await app.api('POST', '/login', { body }), 'too_many_attempts')
  t.same(await rolesOf(ada, id), { [ada.uuid]: 'ADMIN' })
  t.equal((await accept(bob, known.token)).status, 200, 'whoever is signed in needs no password')
})

t.test('what an ADMIN invited to is withdrawn when they are one no longer', async (t) => {
  const [ada, bob, eve] = [await person(), await person(), await person()]
  const id = await team(ada)
  await add(ada, id, bob, 'ADMIN')
  await invite(bob, id, eve.email, 'ADMIN')
  const { token } = await invitationMail(eve.email)
  await as(ada, 'PATCH', `/teams/${id}/members/${bob.uuid}`, { role: 'VIEWER' })
  t.same((await as(ada, 'GET', `/teams/${id}/invitations`)).body.data, [])
  isProblem(t, await accept(eve, token), 'validation_failed', ['token'])
})
