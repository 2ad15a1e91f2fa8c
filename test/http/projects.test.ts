// A project is a wall: which one a request is for, and that nothing of one opens anything in another.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const password = 'a good long password'
const a = app.projectId
const other = await app.project()
const b = other.id

type Headers = Record<string, string>
const into = (project: string, method: string, path: string, headers: Headers = {}, body?: unknown) =>
  app.send(method, `/api/auth${path}`, { headers: { 'project-id': project, ...headers }, body })
const signUp = (project: string, email: string, typed = password, headers: Headers = {}) =>
  into(project, 'POST', '/signup', headers, { email, password: typed })

const routes: [string, string, unknown?][] = [
  ['POST', '/signup', { email: 'routes@example.com', password }],
  ['POST', '/login', { email: 'routes@example.com', password }],
  ['POST', '/refresh', { refresh_token: 'x'.repeat(60) }],
  ['GET', '/me'],
  ['POST', '/change-password', { current_password: password, new_password: 'another good password' }],
  ['POST', '/logout'],
  ['POST', '/logout-all'],
  ['POST', '/verify-email/resend', { email: 'routes@example.com' }],
  ['POST', '/verify-email/confirm', { token: 'x' }],
]

t.test('project-id · without it, the default project answers', async (t) => {
  const email = 'default@example.com'
  const answer = await app.send('POST', '/api/auth/signup', { body: { email, password } })
  t.equal(answer.status, 201)
  t.equal((await app.send('GET', '/api/auth/me', { headers: bearer(answer) })).body.user.email, email)
  const [row] = await app.sql`select is_default from projects join users on project_id = projects.id
    where email = ${email}`
  t.equal(row?.is_default, true)
  isProblem(t, await into(a, 'GET', '/me', bearer(answer)), 'unauthenticated')
})

t.test('project-id · read in either case, with white space around it', async (t) => {
  const user = await app.signUp()
  for (const id of [a.toUpperCase(), ` ${a} `])
    t.equal((await into(id, 'GET', '/me', bearer(user))).status, 200)
})

t.test('404 · a project-id that names no project, on every route, before anything else', async (t) => {
  const ids = [
    '00000000-0000-4000-8000-000000000000',
    'x',
    '1',
    `${a}x`,
    a.slice(0, -1),
    a.replaceAll('-', ''),
    `{${a}}`,
    "' or '1'='1",
    `${a}, ${b}`,
    '*',
    'null',
    '__proto__',
  ]
  for (const id of ids) {
    const answer = await into(id, 'POST', '/login', {}, { email: 'ada@example.com', password })
    isProblem(t, answer, 'project_not_found')
    t.equal(answer.body.message, 'Project not found.')
  }
  for (const [method, path, body] of routes) {
    isProblem(t, await into('x', method, path, {}, body), 'project_not_found')
    if (method === 'POST') isProblem(t, await into('x', method, path, {}, '{'), 'project_not_found')
  }
  isProblem(t, await into('', 'GET', '/me'), 'project_not_found')
})

t.test('400 · DEFAULT_PROJECT_ID=none: the header is required, on every route', async (t) => {
  const none = await startTestApp(t, { env: { DEFAULT_PROJECT_ID: 'none' } })
  for (const [method, path, body] of routes) {
    const answer = await none.send(method, `/api/auth${path}`, { body })
    isProblem(t, answer, 'project_header_missing')
    t.equal(answer.body.message, 'Project header missing.')
  }
  t.equal((await none.signUp()).status, 201)
  t.equal((await none.send('GET', '/health/live')).status, 200, 'what has no project needs none')
  isProblem(t, await none.send('GET', '/api/auth/nothing'), 'route_not_found')
})

t.test('one address in two projects is two accounts', async (t) => {
  const email = 'twice@example.com'
  const inA = await signUp(a, email, 'the password in a')
  const inB = await signUp(b, ` ${email.toUpperCase()}`, 'the password in b')
  t.same([inA.status, inB.status], [201, 201])
  t.not(inA.body.user.uuid, inB.body.user.uuid)
  t.not(inA.body.user.id, inB.body.user.id)
  const signIn = (project: string, typed: string) =>
    into(project, 'POST', '/login', {}, { email, password: typed })
  t.equal((await signIn(a, 'the password in a')).status, 200)
  t.equal((await signIn(b, 'the password in b')).status, 200)
  t.equal((await signIn(a, 'the password in b')).status, 401)
  t.equal((await signIn(b, 'the password in a')).status, 401)
  const change = { current_password: 'the password in a', new_password: 'a new one in a' }
  const renewed = await into(a, 'POST', '/change-password', bearer(inA), change)
  t.equal(renewed.status, 200)
  t.equal((await signIn(b, 'the password in b')).status, 200)
  t.equal((await into(a, 'POST', '/logout-all', bearer(renewed))).status, 200)
  t.equal((await into(b, 'GET', '/me', bearer(inB))).status, 200)
  await app.sql`delete from users where email = ${email} and project_id = ${a}`
  t.equal((await into(b, 'GET', '/me', bearer(inB))).body.user.email, email)
})

t.test(
  'the wall · every request of one project, replayed in the other, is refused and changes nothing',
  async (t) => {
    const email = 'wall@example.com'
    const inA = await signUp(a, email)
    const inCookie = await into(a, 'POST', '/login', { 'session-transport': 'cookie' }, { email, password })
    const [mail] = await app.mailbox.waitFor(email)
    const access = bearer(inA)
    const cookies = cookieHeader(inCookie)
    const renamed = { cookie: String(cookies.cookie).replaceAll(a, b) }
    const refreshToken = { refresh_token: inA.body.refresh_token }
    const change = { current_password: password, new_password: 'another good password' }
    const held = { email, password }

    const replays: [string, Answer, Parameters<typeof isProblem>[2]][] = [
      ['sign in', await into(b, 'POST', '/login', {}, held), 'invalid_credentials'],
      ['refresh', await into(b, 'POST', '/refresh', {}, refreshToken), 'invalid_refresh_token'],
      ['refresh by cookie', await into(b, 'POST', '/refresh', renamed), 'invalid_refresh_token'],
      ['me', await into(b, 'GET', '/me', access), 'unauthenticated'],
      ['me by cookie', await into(b, 'GET', '/me', renamed), 'unauthenticated'],
      ['change password', await into(b, 'POST', '/change-password', access, change), 'unauthenticated'],
      [
        'change password by cookie',
        await into(b, 'POST', '/change-password', renamed, change),
        'unauthenticated',
      ],
      ['logout', await into(b, 'POST', '/logout', access), 'unauthenticated'],
      ['logout by cookie', await into(b, 'POST', '/logout', renamed), 'unauthenticated'],
      ['logout-all', await into(b, 'POST', '/logout-all', access), 'unauthenticated'],
      ['logout-all by cookie', await into(b, 'POST', '/logout-all', renamed), 'unauthenticated'],
      [
        'confirm',
        await into(b, 'POST', '/verify-email/confirm', {}, { token: mail?.token }),
        'validation_failed',
      ],
      [
        'confirm by code',
        await into(b, 'POST', '/verify-email/confirm', {}, { email, code: mail?.code }),
        'validation_failed',
      ],
    ]
    for (const [name, answer, code] of replays) {
      t.equal(answer.body.code, code, name)
      isProblem(t, answer, code)
      t.same(answer.headers.getSetCookie(), [], name)
    }
    // The cookies under their own names are not even seen.
    isProblem(t, await into(b, 'GET', '/me', cookies), 'unauthenticated')
    isProblem(
      t,
      await into(b, 'POST', '/refresh', { ...cookies, 'session-transport': 'cookie' }),
      'invalid_refresh_token',
    )

    await into(b, 'POST', '/verify-email/resend', {}, { email })
    const [rows] = await app.sql`select count(*)::int as users from users where email = ${email}`
    t.equal(rows?.users, 1)
    t.equal((await app.mailbox.all()).filter(({ to }) => to === email).length, 1, 'no mail on behalf of b')

    t.equal((await into(a, 'GET', '/me', access)).status, 200)
    t.equal((await into(a, 'GET', '/me', cookies)).status, 200)
    t.equal((await into(a, 'POST', '/verify-email/confirm', {}, { token: mail?.token })).status, 200)
    t.equal((await into(a, 'POST', '/login', {}, held)).status, 200)
    t.equal((await into(a, 'POST', '/refresh', {}, refreshToken)).status, 200)
  },
)

t.test(
  'the wall · both projects’ credentials in one request: the project of the request decides',
  async (t) => {
    const email = 'both@example.com'
    const inA = await signUp(a, email)
    const inB = await signUp(b, email, 'another password', { 'session-transport': 'cookie' })
    const both = { ...bearer(inA), ...cookieHeader(inB) }
    t.equal((await into(a, 'GET', '/me', both)).body.user.uuid, inA.body.user.uuid)
    isProblem(t, await into(b, 'GET', '/me', both), 'unauthenticated')
  },
)

t.test('the wall · lockout, cooldown and the secret are the project’s', async (t) => {
  const strictB = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
  const email = 'walls@example.com'
  await signUp(a, email)
  await signUp(strictB.id, email)
  for (let tries = 0; tries < 6; tries++) await into(a, 'POST', '/login', {}, { email, password: 'wrong' })
  isProblem(t, await into(a, 'POST', '/login', {}, { email, password }), 'too_many_attempts')
  isProblem(
    t,
    await into(strictB.id, 'POST', '/login', {}, { email, password }),
    'email_verification_required',
  )
  await into(a, 'POST', '/verify-email/resend', {}, { email })
  const resent = (secret: string) =>
    into(strictB.id, 'POST', '/verify-email/resend', { 'project-secret': secret }, { email })
  const first = await resent(app.projectSecret)
  t.notOk('resend_cooldown_active' in first.body)
  t.notOk('verification_token' in first.body)
})

t.test('policy · a change is in force within two seconds, and not before somebody made it', async (t) => {
  const project = await app.project({ tokens: { access_seconds: 900 } })
  const life = async (email: string) => (await signUp(project.id, email)).body.expires_in
  t.equal(await life('before@example.com'), 900)
  await app.sql`update projects set policy = jsonb_set(policy, '{tokens}', '{"access_seconds": 60}') where id = ${project.id}`
  const changed = Date.now()
  // Kept busy meanwhile: a cache must not be refreshed only when it is idle.
  while (Date.now() - changed < 2000) {
    await into(project.id, 'GET', '/me')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.equal(await life('after@example.com'), 60)
})

t.test('policy · so is a project that was deleted, and a secret that was replaced', async (t) => {
  const project = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
  const headers = { 'project-secret': project.secret }
  const first = await signUp(project.id, 'gone@example.com', password, headers)
  t.ok(first.body.verification_token)
  await app.sql`update projects set secret_hash = decode(repeat('00', 32), 'hex') where id = ${project.id}`
  const doomed = await app.project()
  t.equal((await into(doomed.id, 'GET', '/me')).status, 401)
  await app.sql`delete from projects where id = ${doomed.id}`
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const second = await signUp(project.id, 'gone-2@example.com', password, headers)
  t.equal(second.status, 202)
  t.notOk('verification_token' in second.body)
  isProblem(t, await into(doomed.id, 'GET', '/me'), 'project_not_found')
})
