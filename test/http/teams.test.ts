// /teams and /teams/{id}/members: who may do what, never without an ADMIN, and to strangers no team exists.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { isProblem, withoutRequest } from '../support/problems.ts'
import { teamsOf } from '../support/teams.ts'

const app = await startTestApp(t)
const { as, person, team, add, secret, rolesOf } = teamsOf(app)
const roles = ['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER']

t.test('POST /teams · 201 · who makes a team is its ADMIN', async (t) => {
  const ada = await person({ display_name: 'Ada', first_name: 'Ada', last_name: 'Lovelace' })
  t.same((await as(ada, 'GET', '/teams')).body, { data: [] })
  const made = await as(ada, 'POST', '/teams', { name: '  Rockets ' })
  t.equal(made.status, 201)
  t.match(made.body, { name: 'Rockets', role: 'ADMIN', member_count: 1 })
  t.same((await as(ada, 'GET', '/teams')).body, { data: [made.body] })
  t.same((await as(ada, 'GET', `/teams/${made.body.id}`)).body, made.body)
  t.same((await as(ada, 'GET', `/teams/${made.body.id.toUpperCase()}`)).body, made.body)
  const { body } = await as(ada, 'GET', `/teams/${made.body.id}/members`)
  t.equal(body.data.length, 1)
  t.match(body.data[0], {
    user_uuid: ada.uuid,
    email: ada.email,
    display_name: 'Ada',
    first_name: 'Ada',
    last_name: 'Lovelace',
    avatar_url: null,
    role: 'ADMIN',
  })
})

t.test('teams · by cookie as well, and not from a foreign page', async (t) => {
  const { email, password } = await person()
  const signedIn = await app.api('POST', '/login', {
    headers: { 'session-transport': 'cookie' },
    body: { email, password },
  })
  const headers = cookieHeader(signedIn)
  t.equal((await app.api('POST', '/teams', { headers, body: { name: 'By cookie' } })).status, 201)
  const foreign = { ...headers, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  isProblem(
    t,
    await app.api('POST', '/teams', { headers: foreign, body: { name: 'x' } }),
    'cross_site_request',
  )
  t.equal((await app.api('GET', '/teams', { headers })).body.data.length, 1)
})

t.test('422 · names, roles and addresses of every wrong kind, and nothing changes', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  await add(ada, id, bob, 'VIEWER')
  for (const name of [
    undefined,
    null,
    7,
    '',
    '   ',
    'x'.repeat(101),
    'x'.repeat(300),
    'a\nb',
    'a\u0000b',
    ['x'],
    {},
  ]) {
    isProblem(t, await as(ada, 'POST', '/teams', { name }), 'validation_failed', ['name'])
    isProblem(t, await as(ada, 'PATCH', `/teams/${id}`, { name }), 'validation_failed', ['name'])
  }
  for (const role of [undefined, null, 7, '', 'admin', 'OWNER', ['ADMIN'], 'ADMIN ']) {
    const blamed = ['role']
    const wrong = await as(ada, 'PATCH', `/teams/${id}/members/${bob.uuid}`, { role })
    isProblem(t, wrong, 'validation_failed', blamed)
    const body = { email: 'x@example.com', role }
    isProblem(t, await as(ada, 'POST', `/teams/${id}/members`, body), 'validation_failed', blamed)
    isProblem(t, await as(ada, 'POST', `/teams/${id}/invitations`, body), 'validation_failed', blamed)
  }
  for (const email of [
    undefined,
    null,
    7,
    '',
    'no address',
    'ａ@example.com',
    `${'x'.repeat(300)}@example.com`,
  ])
    for (const path of ['members', 'invitations'])
      isProblem(
        t,
        await as(ada, 'POST', `/teams/${id}/${path}`, { email, role: 'VIEWER' }),
        'validation_failed',
        ['email'],
      )
  for (const body of ['{', '[]', '"x"', 'null', '{}'])
    t.ok([400, 422].includes((await as(ada, 'POST', '/teams', body)).status), body)
  const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } }
  isProblem(t, await as(ada, 'POST', '/teams', 'name=x', form), 'unsupported_media_type')
  t.equal(
    (await as(ada, 'POST', '/teams', { name: 'x', id, role: 'VIEWER', unknown: {} })).body.role,
    'ADMIN',
  )
  t.match((await as(ada, 'GET', `/teams/${id}`)).body, { name: 'Rockets', member_count: 2 })
  t.same(await rolesOf(ada, id), { [ada.uuid]: 'ADMIN', [bob.uuid]: 'VIEWER' })
})

t.test('401 · nobody without a session, and none of another project', async (t) => {
  const ada = await person()
  const id = await team(ada)
  const other = await app.project()
  const requests: [string, string, unknown?][] = [
    ['GET', '/teams'],
    ['POST', '/teams', { name: 'x' }],
    ['GET', `/teams/${id}`],
    ['PATCH', `/teams/${id}`, { name: 'x' }],
    ['DELETE', `/teams/${id}`],
    ['GET', `/teams/${id}/members`],
    ['POST', `/teams/${id}/members`, { email: 'x@example.com', role: 'VIEWER' }],
    ['PATCH', `/teams/${id}/members/${ada.uuid}`, { role: 'VIEWER' }],
    ['DELETE', `/teams/${id}/members/${ada.uuid}`],
    ['GET', `/teams/${id}/invitations`],
    ['POST', `/teams/${id}/invitations`, { email: 'x@example.com', role: 'VIEWER' }],
    ['DELETE', `/teams/${id}/invitations/${id}`],
    ['POST', '/team-invitations/accept', { token: 'x' }],
  ]
  for (const [method, path, body] of requests) {
    isProblem(t, await app.api(method, path, { body, ...secret }), 'unauthenticated')
    const headers = { ...bearer(ada), 'project-id': other.id }
    isProblem(t, await app.api(method, path, { body, headers }), 'unauthenticated')
  }
  t.match((await as(ada, 'GET', `/teams/${id}`)).body, { name: 'Rockets', member_count: 1 })
})

t.test('404 · somebody else’s team, one of another project and none at all are the same', async (t) => {
  const [ada, eve] = [await person(), await person()]
  const id = await team(ada)
  const other = await app.project()
  const headers = { 'project-id': other.id }
  const body = { email: 'foreign@example.com', password: 'a good long password' }
  const foreign = await app.api('POST', '/signup', { headers, body })
  const made = await app.api('POST', '/teams', {
    headers: { ...bearer(foreign), ...headers },
    body: { name: 'Foreign' },
  })
  const answers: unknown[] = []
  for (const team of [id, made.body.id, randomUUID(), 'x', `${id}x`, '1', '__proto__', "'", '%00'])
    for (const [method, path, sent] of [
      ['GET', ''],
      ['PATCH', '', { name: 'Mine' }],
      ['DELETE', ''],
      ['GET', '/members'],
      ['POST', '/members', { email: eve.email, role: 'ADMIN' }],
      ['PATCH', `/members/${ada.uuid}`, { role: 'VIEWER' }],
      ['DELETE', `/members/${ada.uuid}`],
      ['DELETE', `/members/${eve.uuid}`],
      ['GET', '/invitations'],
      ['POST', '/invitations', { email: eve.email, role: 'ADMIN' }],
      ['DELETE', `/invitations/${randomUUID()}`],
    ] as const) {
      const answer = await as(eve, method, `/teams/${team}${path}`, sent)
      isProblem(t, answer, 'not_found')
      answers.push(withoutRequest(answer.body))
    }
  t.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
  const trusted = await as(eve, 'POST', `/teams/${id}/members`, { email: eve.email, role: 'ADMIN' }, secret)
  isProblem(t, trusted, 'not_found')
  t.match((await as(ada, 'GET', `/teams/${id}`)).body, { name: 'Rockets', member_count: 1 })
  const seen = await app.api('GET', `/teams/${made.body.id}`, { headers: { ...bearer(foreign), ...headers } })
  t.equal(seen.body.name, 'Foreign')
})

t.test('403 · every member reads, only an ADMIN changes', async (t) => {
  const ada = await person()
  const id = await team(ada)
  for (const role of roles.slice(1)) {
    const member = await person()
    t.equal((await add(ada, id, member, role)).status, 201)
    t.equal((await as(member, 'GET', `/teams/${id}`)).body.role, role)
    t.equal((await rolesOf(member, id))[member.uuid], role)
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'Mine' }],
      ['DELETE', ''],
      ['POST', '/members', { email: 'x@example.com', role: 'VIEWER' }],
      ['PATCH', `/members/${member.uuid}`, { role: 'ADMIN' }],
      ['PATCH', `/members/${ada.uuid}`, { role: 'VIEWER' }],
      ['DELETE', `/members/${ada.uuid}`],
      ['GET', '/invitations'],
      ['POST', '/invitations', { email: 'x@example.com', role: 'VIEWER' }],
      ['DELETE', `/invitations/${randomUUID()}`],
    ] as const)
      isProblem(t, await as(member, method, `/teams/${id}${path}`, body), 'team_role_insufficient')
    isProblem(t, await add(member, id, await person(), 'VIEWER'), 'team_role_insufficient')
  }
  t.match((await as(ada, 'GET', `/teams/${id}`)).body, { name: 'Rockets', member_count: 4 })
})

t.test('PATCH and DELETE /teams/{id} · renamed for all, and gone for all', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  await add(ada, id, bob, 'VIEWER')
  const renamed = await as(ada, 'PATCH', `/teams/${id}`, { name: ' Satellites ' })
  t.match([renamed.status, renamed.body], [200, { id, name: 'Satellites', role: 'ADMIN', member_count: 2 }])
  t.match((await as(bob, 'GET', `/teams/${id}`)).body, { name: 'Satellites', role: 'VIEWER' })
  const gone = await as(ada, 'DELETE', `/teams/${id}`)
  t.same([gone.status, gone.body], [204, ''])
  for (const who of [ada, bob]) {
    isProblem(t, await as(who, 'GET', `/teams/${id}`), 'not_found')
    t.same((await as(who, 'GET', '/teams')).body, { data: [] })
  }
  isProblem(t, await as(ada, 'DELETE', `/teams/${id}`), 'not_found')
  const { body } = await as(bob, 'GET', '/me/activity')
  t.same(
    body.data.slice(0, 2).map(({ event }: { event: string }) => event),
    ['team_deleted', 'team_joined'],
  )
  for (const at of [0, 1]) t.match(body.data[at], { team_id: id, api_key_id: null })
  t.equal(body.data[0].address_prefix, null, 'not from where somebody else did it')
})

t.test('PATCH and DELETE …/members/{user} · promoted, demoted, removed, left', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  await add(ada, id, bob, 'VIEWER')
  for (const role of ['OPERATOR', 'ADMIN', 'ADMIN', 'BUILDER']) {
    const answer = await as(ada, 'PATCH', `/teams/${id}/members/${bob.uuid}`, { role })
    t.match([answer.status, answer.body], [200, { user_uuid: bob.uuid, role }])
    t.equal((await rolesOf(bob, id))[bob.uuid], role)
  }
  for (const unknown of [randomUUID(), (await person()).uuid, 'x', "'", String(bob.body.user.id)]) {
    const body = { role: 'VIEWER' }
    isProblem(t, await as(ada, 'PATCH', `/teams/${id}/members/${unknown}`, body), 'not_found')
    isProblem(t, await as(ada, 'DELETE', `/teams/${id}/members/${unknown}`), 'not_found')
  }
  t.equal((await as(bob, 'DELETE', `/teams/${id}/members/${bob.uuid.toUpperCase()}`)).status, 204)
  isProblem(t, await as(bob, 'GET', `/teams/${id}`), 'not_found')
  await add(ada, id, bob, 'VIEWER')
  t.equal((await as(ada, 'DELETE', `/teams/${id}/members/${bob.uuid}`)).status, 204)
  isProblem(t, await as(bob, 'GET', `/teams/${id}`), 'not_found')
})

t.test('409 · the last ADMIN can neither leave nor step down', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  await add(ada, id, bob, 'BUILDER')
  const own = `/teams/${id}/members/${ada.uuid}`
  isProblem(t, await as(ada, 'DELETE', own), 'team_admin_needed')
  for (const role of roles.slice(1)) isProblem(t, await as(ada, 'PATCH', own, { role }), 'team_admin_needed')
  await as(ada, 'PATCH', `/teams/${id}/members/${bob.uuid}`, { role: 'ADMIN' })
  t.equal((await as(bob, 'PATCH', own, { role: 'VIEWER' })).status, 200)
  t.equal((await as(ada, 'DELETE', own)).status, 204)
  isProblem(t, await as(bob, 'DELETE', `/teams/${id}/members/${bob.uuid}`), 'team_admin_needed')
  t.same(await rolesOf(bob, id), { [bob.uuid]: 'ADMIN' })
})

t.test('POST …/members with the project’s secret · 201 · adds at once and tells what it did', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const id = await team(ada)
  const added = await add(ada, id, { email: ` ${bob.email.toUpperCase()} ` }, 'BUILDER')
  t.match([added.status, added.body], [201, { user_uuid: bob.uuid, email: bob.email, role: 'BUILDER' }])
  isProblem(t, await add(ada, id, bob, 'ADMIN'), 'validation_failed', ['email'])
  t.equal((await rolesOf(ada, id))[bob.uuid], 'BUILDER', 'adding twice ranks nobody')
  isProblem(t, await add(ada, id, { email: 'nobody@example.com' }, 'ADMIN'), 'validation_failed', ['email'])
  const wrong = { headers: { 'project-secret': `${app.projectSecret}x` } }
  const body = { email: (await person()).email, role: 'VIEWER' }
  t.equal((await as(ada, 'POST', `/teams/${id}/members`, body, wrong)).status, 202, 'a wrong secret invites')
  t.equal(Object.keys(await rolesOf(ada, id)).length, 2)
})

t.test('409 · teams of a user and members of a team are bounded by the policy', async (t) => {
  const small = await startTestApp(t, { policy: { teams: { max_per_user: 2, max_members: 2 } } })
  const at = teamsOf(small)
  const [ada, bob] = [await at.person(), await at.person()]
  const [first] = [await at.team(ada), await at.team(ada)]
  isProblem(t, await at.as(ada, 'POST', '/teams', { name: 'A third' }), 'team_limit_reached')
  t.equal((await at.add(ada, first, bob, 'VIEWER')).status, 201)
  isProblem(t, await at.add(ada, first, await at.person(), 'VIEWER'), 'team_limit_reached')
  await at.as(ada, 'DELETE', `/teams/${first}`)
  t.equal((await at.as(ada, 'POST', '/teams', { name: 'Again' })).status, 201)
})

t.test(
  'DELETE /me · 409 · while a team would be left without an ADMIN; a team of nobody else goes along',
  async (t) => {
    const [ada, bob] = [await person(), await person()]
    const [alone, shared] = [await team(ada), await team(ada)]
    await add(ada, shared, bob, 'OPERATOR')
    const leave = () => as(ada, 'DELETE', '/me', { current_password: ada.password })
    isProblem(t, await leave(), 'team_admin_needed')
    t.equal((await as(ada, 'GET', '/me')).status, 200, 'nothing has changed')
    t.equal((await as(ada, 'GET', '/teams')).body.data.length, 2)
    await as(ada, 'PATCH', `/teams/${shared}/members/${bob.uuid}`, { role: 'ADMIN' })
    t.equal((await leave()).status, 204)
    t.same(await rolesOf(bob, shared), { [bob.uuid]: 'ADMIN' })
    t.same(await app.sql`select 1 from teams where id = ${alone}`, [])
  },
)

t.test('GET /me/export · names the teams and the invitations, sent and received', async (t) => {
  const [ada, bob, eve] = [await person(), await person(), await app.signUp()]
  const id = await team(ada)
  await add(ada, id, bob, 'OPERATOR')
  for (const { email } of [eve, await person()])
    await as(ada, 'POST', `/teams/${id}/invitations`, { email, role: 'VIEWER' })
  const held = async (who: typeof eve) => {
    const { teams, team_invitations } = (await as(who, 'GET', '/me/export')).body
    return { teams, invitations: team_invitations }
  }
  const hers = await held(ada)
  t.match(hers.teams, [{ id, name: 'Rockets', role: 'ADMIN' }])
  t.match(hers.invitations, [{ direction: 'sent' }, { direction: 'sent', team_id: id }])
  t.same(new Set(hers.invitations.map(({ email }: { email: string }) => email)).size, 2)
  t.match((await held(bob)).teams, [{ id, role: 'OPERATOR' }])
  t.same((await held(bob)).invitations, [])
  t.same((await held(eve)).invitations, [], 'not before the address is proven')
  await app.sql`update users set email_verified_at = now() where email = ${eve.email}`
  t.match((await held(eve)).invitations, [{ direction: 'received', email: eve.email, role: 'VIEWER' }])
})
