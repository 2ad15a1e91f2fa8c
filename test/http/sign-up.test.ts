// POST /signup, as contracts.md §1 has it.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { headerNames, isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const strict = await app.project({ verification: { mode: 'strict' } })
const strictApp = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
const password = 'a good long password'
let count = 0
const fresh = () => `sign-up-${String(++count).padStart(3, '0')}@example.com`
const signUp = (body: unknown, headers: Record<string, string> = {}) =>
  app.api('POST', '/signup', { body, headers })
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

t.test('POST /signup · 201 · tokens and user, in the documented shape', async (t) => {
  const email = fresh()
  const answer = await signUp({ email, password })
  t.equal(answer.status, 201)
  const { access_token, refresh_token, expires_at, refresh_token_expires_at, user, ...rest } = answer.body
  t.same(rest, { token_type: 'Bearer', expires_in: 900 })
  t.match(access_token, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  t.ok(refresh_token.length >= 40)
  t.match(expires_at, instant)
  t.match(refresh_token_expires_at, instant)
  const left = (text: string) => (Date.parse(text) - Date.now()) / 1000
  t.ok(Math.abs(left(expires_at) - 900) < 5, 'access: 15 minutes')
  t.ok(Math.abs(left(refresh_token_expires_at) - 30 * 86_400) < 5, 'refresh: 30 days')
  t.match(user.uuid, /^[0-9a-f-]{36}$/)
  t.match(user.created_at, instant)
  t.ok(Number.isSafeInteger(user.id))
  t.same(
    { ...user, id: 0, uuid: '', created_at: '' },
    {
      id: 0,
      uuid: '',
      email,
      display_name: null,
      email_verified_at: null,
      metadata: {},
      first_name: null,
      last_name: null,
      role: 'user',
      provider: null,
      avatar_url: null,
      created_at: '',
    },
  )
  t.same((await app.api('GET', '/me', { headers: bearer(answer) })).body, { user })
})

t.test(
  'POST /signup · 201 · display_name, first_name, last_name and metadata come back as sent',
  async (t) => {
    const facts = {
      display_name: '  Ada 👩‍💻 <b>"O\'Hara"</b>  ',
      first_name: 'Ádá',
      last_name: null,
      metadata: {
        plan: 'free',
        tags: ['a', 1, 0.5, true, null],
        deep: { er: {} },
        '': 'empty',
        constructor: 'word',
        toString: 1,
      },
    }
    const answer = await signUp({ email: fresh(), password, ...facts })
    t.equal(answer.status, 201)
    t.match(answer.body.user, facts)
    t.same(Object.keys(answer.body.user.metadata).sort(), Object.keys(facts.metadata).sort())
  },
)

t.test('POST /signup · 201 · the mail to verify goes to the address, and signs nobody out', async (t) => {
  const signedUp = await app.signUp()
  const [mail, ...others] = await app.mailbox.waitFor(signedUp.email)
  t.equal(mail?.kind, 'verify_email')
  t.same(others, [])
  t.equal((await app.api('GET', '/me', { headers: bearer(signedUp) })).status, 200)
})

t.test('POST /signup · 201 · a project with verification off sends no mail', async (t) => {
  const off = await app.project({ verification: { mode: 'off' } })
  const email = fresh()
  const answer = await signUp({ email, password }, { 'project-id': off.id })
  t.equal(answer.status, 201)
  const [row] = await app.sql`select count(*)::int as mails from outbox where project_id = ${off.id}`
  t.equal(row?.mails, 0)
})

t.test('POST /signup · 422 · every field that is wrong is named at once', async (t) => {
  isProblem(t, await signUp({}), 'validation_failed', ['email', 'password'])
  const answer = await signUp({
    email: 'ada',
    password: 'short',
    display_name: 1,
    first_name: [],
    last_name: {},
    metadata: 'x',
  })
  isProblem(t, answer, 'validation_failed', [
    'email',
    'password',
    'display_name',
    'first_name',
    'last_name',
    'metadata',
  ])
  for (const sentences of Object.values<string[]>(answer.body.errors))
    for (const sentence of sentences) t.match(sentence, /^[A-Z].*\.$/, 'a sentence')
})

t.test(
  'POST /signup · 422 · a taken address, however it is spelled, names email and changes nothing',
  async (t) => {
    const owner = await app.signUp({ display_name: 'Owner' })
    for (const email of [owner.email, owner.email.toUpperCase(), `  ${owner.email}\t`]) {
      const answer = await signUp({ email, password: 'another long password', display_name: 'Thief' })
      isProblem(t, answer, 'validation_failed', ['email'])
      t.same(answer.body.errors.email, ['This e-mail address already has an account.'])
    }
    const signedIn = await app.api('POST', '/login', { body: owner })
    t.equal(signedIn.status, 200)
    t.equal(signedIn.body.user.display_name, 'Owner')
  },
)

t.test('POST /signup · email is valid up to 255 characters', async (t) => {
  const domain = `${'d'.repeat(63)}.${'o'.repeat(63)}.${'m'.repeat(57)}.example`
  const longest = `${'l'.repeat(255 - 1 - domain.length)}@${domain.slice(0)}`
  t.equal(longest.length, 255)
  t.equal((await signUp({ email: longest, password })).status, 201)
  const tooLong = `${'l'.repeat(61)}@${'x'.repeat(2)}${domain}`
  t.equal(tooLong.length > 255, true)
  isProblem(t, await signUp({ email: tooLong, password }), 'validation_failed', ['email'])
})

t.test('POST /signup · password has 8 to 255 characters of any kind, counted as people count', async (t) => {
  for (const good of ['1357 864', '        ', '😀'.repeat(8), 'p'.repeat(255), '😀'.repeat(255)]) {
    const email = fresh()
    t.equal((await signUp({ email, password: good })).status, 201, `${good.length} units`)
    t.equal((await app.api('POST', '/login', { body: { email, password: good } })).status, 200)
  }
  for (const bad of ['', '1234567', '😀'.repeat(7), 'p'.repeat(256), 'p'.repeat(2000)])
    isProblem(t, await signUp({ email: fresh(), password: bad }), 'validation_failed', ['password'])
})

t.test(
  'POST /signup · passwords are never trimmed, and one spelling of a character is as good as another',
  async (t) => {
    const email = fresh()
    t.equal((await signUp({ email, password: ' Pa\u00dfwo\u0308rter ' })).status, 201)
    const signIn = (typed: string) => app.api('POST', '/login', { body: { email, password: typed } })
    t.equal((await signIn('Pa\u00dfwo\u0308rter')).status, 401)
    t.equal((await signIn(' Pa\u00dfw\u00f6rter ')).status, 200)
  },
)

t.test('POST /signup · names have at most 255 characters', async (t) => {
  const name = 'é'.repeat(255)
  const facts = { display_name: name, first_name: name, last_name: name }
  t.match((await signUp({ email: fresh(), password, ...facts })).body.user, facts)
  for (const field of Object.keys(facts))
    isProblem(t, await signUp({ email: fresh(), password, [field]: `${name}e` }), 'validation_failed', [
      field,
    ])
})

t.test('POST /signup · metadata has at most 16 KiB of JSON', async (t) => {
  const overhead = JSON.stringify({ a: '' }).length
  const exactly = { a: 'x'.repeat(16_384 - overhead) }
  const answer = await signUp({ email: fresh(), password, metadata: exactly })
  t.equal(answer.status, 201)
  t.same(answer.body.user.metadata, exactly)
  for (const metadata of [{ a: `${exactly.a}x` }, { a: 'é'.repeat(8_192) }])
    isProblem(t, await signUp({ email: fresh(), password, metadata }), 'validation_failed', ['metadata'])
})

t.test('POST /signup · metadata nests at most 32 deep, and deeper costs nobody a stack', async (t) => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`
  const body = (depth: number, extra = '') =>
    `{"email":"${fresh()}","password":"${password}","metadata":${nested(depth)}${extra}}`
  t.equal((await signUp(body(32))).status, 201)
  isProblem(t, await signUp(body(33)), 'validation_failed', ['metadata'])
  isProblem(t, await signUp(body(10_000)), 'validation_failed', ['metadata'])
  isProblem(t, await signUp(body(10_000, ',"display_name":"\\u0041"')), 'validation_failed', ['metadata'])
  const lists = (core: string) =>
    `{"email":"${fresh()}","password":"${password}","metadata":{"a":${'['.repeat(30_000)}"${core}"${']'.repeat(30_000)}}}`
  isProblem(t, await signUp(lists('A')), 'validation_failed', ['metadata'])
  isProblem(t, await signUp(lists('\\u0041')), 'validation_failed', ['metadata'])
})

t.test('POST /signup · a NUL or half a character is refused wherever it stands', async (t) => {
  const broken = ['\\u0000', 'a\\u0000b', '\\ud800', '\\udc00\\ud800']
  for (const text of broken) {
    const value = `"metadata":{"list":[{"deep":"${text}"}]}`
    const key = `"metadata":{"${text}":1}`
    for (const metadata of [value, key]) {
      const body = `{"email":"${fresh()}","password":"${password}",${metadata}}`
      isProblem(t, await signUp(body), 'validation_failed', ['metadata'])
    }
    const named = `{"email":"${fresh()}","password":"${password}","display_name":"${text}"}`
    isProblem(t, await signUp(named), 'validation_failed', ['display_name'])
  }
  const whole = `{"email":"${fresh()}","password":"${password}","display_name":"\\ud83d\\ude00 \\u00e9"}`
  t.equal((await signUp(whole)).body.user.display_name, '😀 é')
})

t.test('POST /signup · metadata cannot reach a prototype', async (t) => {
  for (const metadata of [
    '{"__proto__":{"role":"admin"}}',
    '{"constructor":{"prototype":{"role":"admin"}}}',
  ]) {
    const body = `{"email":"${fresh()}","password":"${password}","metadata":${metadata}}`
    isProblem(t, await signUp(body), 'malformed_request')
  }
  t.equal(({} as Record<string, unknown>).role, undefined)
})

t.test('POST /signup · metadata is an object or absent', async (t) => {
  for (const metadata of [null, [], [{}], 'text', 1, true])
    isProblem(t, await signUp({ email: fresh(), password, metadata }), 'validation_failed', ['metadata'])
})

t.test(
  'POST /signup · nobody becomes admin, verified or somebody else by signing up; unknown fields are ignored',
  async (t) => {
    const email = fresh()
    const answer = await signUp({
      email,
      password,
      role: 'admin',
      id: 1,
      uuid: '00000000-0000-4000-8000-000000000000',
      email_verified_at: '2020-01-01T00:00:00.000Z',
      emailVerifiedAt: '2020-01-01T00:00:00.000Z',
      provider: 'google',
      avatar_url: 'https://example.com/a.png',
      project_id: strict.id,
      epoch: 7,
      is_admin: true,
      anything: { at: 'all' },
    })
    t.equal(answer.status, 201)
    const { user } = answer.body
    t.not(user.id, 1)
    t.not(user.uuid, '00000000-0000-4000-8000-000000000000')
    t.match(user, { role: 'user', email_verified_at: null, provider: null, avatar_url: null, metadata: {} })
    const [row] = await app.sql`select * from users where email = ${email}`
    t.match(row, { project_id: app.projectId, epoch: 0, role: 'user', disabled_at: null })
  },
)

t.test('POST /signup · a value of another type is refused, never turned into text', async (t) => {
  for (const wrong of [12345678, true, null, ['12345678'], { length: 8 }]) {
    isProblem(t, await signUp({ email: fresh(), password: wrong }), 'validation_failed', ['password'])
    isProblem(t, await signUp({ email: wrong, password }), 'validation_failed', ['email'])
  }
  for (const wrong of [1, false, ['Ada'], { a: 1 }])
    isProblem(t, await signUp({ email: fresh(), password, display_name: wrong }), 'validation_failed', [
      'display_name',
    ])
})

t.test('POST /signup · 202 · strict: no tokens, the documented body, and the mail to verify', async (t) => {
  const email = fresh()
  const answer = await signUp({ email, password }, { 'project-id': strict.id, 'session-transport': 'cookie' })
  t.equal(answer.status, 202)
  t.same(Object.keys(answer.body).sort(), ['code', 'message', 'user', 'verification_required'])
  t.equal(answer.body.code, 'email_verification_required')
  t.equal(answer.body.verification_required, true)
  t.match(answer.body.message, /^[A-Z].*\.$/)
  t.match(answer.body.user, { email, email_verified_at: null })
  t.same(answer.cookies, {})
  const [mail] = await app.mailbox.waitFor(email)
  t.equal(mail?.kind, 'verify_email')
  t.ok(mail?.token)
})

t.test('POST /signup · 202 · verification_token only with delivery app and the project secret', async (t) => {
  const cases: [string, Record<string, string>, boolean][] = [
    ['delivery app, secret', { 'project-id': strictApp.id, 'project-secret': strictApp.secret }, true],
    ['delivery app, no secret', { 'project-id': strictApp.id }, false],
    [
      'delivery app, wrong secret',
      { 'project-id': strictApp.id, 'project-secret': `${strictApp.secret}x` },
      false,
    ],
    [
      "delivery app, another project's secret",
      { 'project-id': strictApp.id, 'project-secret': strict.secret },
      false,
    ],
    ['delivery app, empty secret', { 'project-id': strictApp.id, 'project-secret': '' }, false],
    ['delivery email, secret', { 'project-id': strict.id, 'project-secret': strict.secret }, false],
  ]
  for (const [name, headers, handed] of cases) {
    const email = fresh()
    const answer = await signUp({ email, password }, headers)
    t.equal(answer.status, 202, name)
    t.equal('verification_token' in answer.body, handed, name)
    if (!handed) continue
    const confirmed = await app.api('POST', '/verify-email/confirm', {
      headers: { 'project-id': strictApp.id },
      body: { token: answer.body.verification_token },
    })
    t.equal(confirmed.body.user.email, email, 'and it proves the address')
  }
  const [row] = await app.sql`select count(*)::int as mails from outbox where project_id = ${strictApp.id}`
  t.equal(row?.mails, 0, 'where the application delivers, we send nothing')
})

/** What a stranger sees besides the values. */
function face(answer: Answer) {
  const shape = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([key, entry]) => [key, shape(entry)])
      : value === null
        ? 'null'
        : typeof value
  return {
    status: answer.status,
    headers: headerNames(answer),
    body: shape(answer.body),
    message: answer.body.message,
    cookies: answer.cookies,
  }
}

/** Makes the account of a claim on an address: the one with this password. */
async function prove(email: string, project: typeof strict, typed: string) {
  const headers = { 'project-id': project.id, 'project-secret': project.secret }
  const refused = await app.api('POST', '/login', { headers, body: { email, password: typed } })
  const token =
    refused.body.verification_token ?? (await app.mailbox.waitFor(email)).find(({ token }) => token)?.token
  const answer = await app.api('POST', '/verify-email/confirm', { headers, body: { token } })
  t.equal(answer.status, 200)
  return answer
}

for (const [name, project, secret] of [
  ['mail from us', strict, false],
  ['mail from the application', strictApp, false],
  ['mail from the application, with the secret', strictApp, true],
] as const) {
  t.test(
    `POST /signup · 202 · strict, ${name}: a taken address and a fresh one cannot be told apart`,
    async (t) => {
      const headers = { 'project-id': project.id, ...(secret ? { 'project-secret': project.secret } : {}) }
      const metadata = { longest: 1, mid: [1, { zz: 1, a: 2 }], a: { b: null, aa: 1e21 }, 10: 'ten' }
      const facts = { password, display_name: 'Stranger', first_name: null, metadata }
      const verified = fresh()
      const unverified = fresh()
      const owner = { password: 'password of the owner', display_name: 'Owner' }
      for (const email of [verified, unverified]) await signUp({ email, ...owner }, headers)
      await prove(verified, project, owner.password)
      await app.sql`update users set role = 'admin', avatar_id = gen_random_uuid(), provider = 'google' where email = ${verified}`
      const answers = []
      for (const email of [fresh(), verified, fresh(), unverified, verified.toUpperCase(), fresh()])
        answers.push(await signUp({ email, ...facts }, headers))
      const [first, ...others] = answers
      if (!first) throw new Error('No answer.')
      for (const other of others) t.same(face(other), face(first))
      for (const { body } of answers)
        t.same(JSON.stringify(body.user.metadata), JSON.stringify(first.body.user.metadata), 'in one order')
      const ids = answers.map(({ body }) => body.user.id)
      t.same(
        ids,
        ids.map((_, step) => ids[0] + step),
        'each takes one id',
      )
      t.equal(new Set(answers.map(({ body }) => body.user.uuid)).size, answers.length)
      const kept = await app.sql`select display_name, role from users where email = ${verified}`
      t.same([...kept], [{ display_name: 'Owner', role: 'admin' }], 'the owner keeps what they have')
      for (const { body } of answers) t.match(body.user, { role: 'user', avatar_url: null, provider: null })
    },
  )
}

t.test(
  'POST /signup · strict: the owner of a taken address gets a mail that says so, a fresh one the mail to verify',
  async (t) => {
    const headers = { 'project-id': strict.id }
    const owner = fresh()
    const newcomer = fresh()
    await signUp({ email: owner, password: 'password of the owner' }, headers)
    await prove(owner, strict, 'password of the owner')
    await app.sql`delete from cooldowns where project_id = ${strict.id}`
    await signUp({ email: owner.toUpperCase(), password }, headers)
    await signUp({ email: newcomer, password }, headers)
    const toOwner = await app.mailbox.waitFor(owner, { count: 2 })
    const toNewcomer = await app.mailbox.waitFor(newcomer)
    t.same(
      toOwner.map(({ kind }) => kind),
      ['verify_email', 'address_taken'],
    )
    t.same(
      toNewcomer.map(({ kind }) => kind),
      ['verify_email'],
    )
    t.equal(toOwner[1]?.token, null, 'which carries no secret')
    t.equal(toOwner[1]?.code, null)
    const signIn = (typed: string) =>
      app.api('POST', '/login', { headers, body: { email: owner, password: typed } })
    isProblem(t, await signIn(password), 'email_verification_required')
    t.equal((await signIn(`${password}?`)).status, 401, 'the stranger has no way in')
    t.equal((await signIn('password of the owner')).status, 200)
  },
)

t.test(
  'POST /signup · strict: a taken address gets one mail within the cooldown, however often it is tried',
  async (t) => {
    const headers = { 'project-id': strict.id }
    const owner = fresh()
    await signUp({ email: owner, password }, headers)
    await prove(owner, strict, password)
    await app.sql`delete from cooldowns where project_id = ${strict.id}`
    for (let tries = 0; tries < 4; tries++)
      t.equal((await signUp({ email: owner, password }, headers)).status, 202)
    const [row] = await app.sql`select count(*)::int as mails from outbox join users on users.id = user_id
    where email = ${owner}`
    t.equal(row?.mails, 1)
  },
)

t.test('POST /signup · 422 · strict: a malformed request is told so, taken address or not', async (t) => {
  const headers = { 'project-id': strict.id }
  const email = fresh()
  await signUp({ email, password }, headers)
  isProblem(t, await signUp({ email, password: 'short' }, headers), 'validation_failed', ['password'])
})
