// Idempotency-Key: a repetition gets the first answer and does nothing twice, and nobody else ever gets it.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp, testSecretKey } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { headerNames, isProblem } from '../support/problems.ts'
import { ask, startService, temporaryDataDir } from '../support/service.ts'
import { teamsOf } from '../support/teams.ts'

const app = await startTestApp(t)
const strict = await app.project({ verification: { mode: 'strict' } })
const { as, person, team, invitationMail } = teamsOf(app)
const password = 'a good long password'
let count = 0
const fresh = () => `idempotency-${String(++count).padStart(3, '0')}@example.com`
const under = (key: string, headers: Record<string, string> = {}) => ({ 'idempotency-key': key, ...headers })
const signUp = (key: string, body: unknown, headers: Record<string, string> = {}) =>
  app.api('POST', '/signup', { body, headers: under(key, headers) })
const isReplay = (answer: Answer) => answer.headers.get('idempotency-replayed') === 'true'
const accountsOf = async (email: string) =>
  (await app.sql`select id from users where email = ${email}`).length
const rows = () => app.sql`select * from idempotency_keys where project_id = ${app.projectId}`
const dying = () =>
  app.sql`update idempotency_keys set leased_until = now() - interval '1 second', answer = null`

const isUnderWay = async () =>
  (await app.sql`select 1 from idempotency_keys where answer is null and leased_until > now()`).length > 0

/** Keeps every account from being written until the returned function is called. */
async function holdUsers(t: { teardown(work: () => unknown): void }): Promise<() => Promise<unknown>> {
  let letGo = () => {}
  const until = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let holding: Promise<unknown> = Promise.resolve()
  await new Promise<void>((resolve, reject) => {
    holding = app.sql.begin(async (tx) => {
      await tx`lock table users in share row exclusive mode`
      resolve()
      await until
    })
    holding.catch(reject)
  })
  t.teardown(letGo)
  return () => {
    letGo()
    return holding
  }
}

t.test('a repetition gets the first answer, and the account is made once', async (t) => {
  const [key, email] = [randomUUID(), fresh()]
  const first = await signUp(key, { email, password, metadata: { a: 1, b: [{ c: 2, d: 3 }] } })
  t.equal(first.status, 201)
  t.notOk(isReplay(first))
  const again = await signUp(`"${key}"`, {
    metadata: { b: [{ d: 3, c: 2 }], a: 1 },
    password,
    email,
    more: 1,
  })
  t.same([again.status, again.body], [first.status, first.body], 'quoted or bare, in any order of fields')
  t.ok(isReplay(again))
  t.equal(again.headers.get('content-type'), first.headers.get('content-type'))
  t.same(
    headerNames(again).filter((name) => name !== 'idempotency-replayed'),
    headerNames(first),
  )
  t.not(again.headers.get('x-request-id'), first.headers.get('x-request-id'), 'it is a request of its own')
  t.equal(await accountsOf(email), 1)
  t.equal((await app.sql`select 1 from sessions where user_id = ${first.body.user.id}`).length, 1)
  t.equal((await app.api('GET', '/me', { headers: bearer(again) })).status, 200)
  t.equal((await app.api('POST', '/logout', { headers: bearer(first) })).status, 200)
  t.equal(
    (await app.api('GET', '/me', { headers: bearer(again) })).status,
    401,
    'no token comes back to life',
  )
})

t.test(
  'an answer with tokens is repeated while its session lives, and the password is the same',
  async (t) => {
    const [changedKey, endedKey] = [randomUUID(), randomUUID()]
    const [changed, ended] = [
      { email: fresh(), password },
      { email: fresh(), password },
    ]
    const first = await signUp(changedKey, changed)
    t.equal((await signUp(changedKey, changed)).body.access_token, first.body.access_token)
    const change = { current_password: password, new_password: 'another good password' }
    await app.api('POST', '/change-password', { headers: bearer(first), body: change })
    isProblem(t, await signUp(changedKey, changed), 'validation_failed', ['email'])
    const second = await signUp(endedKey, ended)
    await app.api('POST', '/logout', { headers: bearer(second) })
    isProblem(t, await signUp(endedKey, ended), 'validation_failed', ['email'])
  },
)

t.test('by cookie, a repetition sets the same cookies and no token is in its body', async (t) => {
  const [key, body] = [randomUUID(), { email: fresh(), password }]
  const headers = { 'session-transport': 'cookie' }
  const first = await signUp(key, body, headers)
  const again = await signUp(key, body, headers)
  t.ok(isReplay(again))
  t.same([again.cookies, again.body], [first.cookies, first.body])
  t.equal(Object.keys(again.cookies).length, 2)
  t.notOk('access_token' in again.body)
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(again) })).status, 200)
  isProblem(t, await signUp(key, body), 'idempotency_key_reused')
})

t.test(
  'another request under the key is refused, is told nothing, and after five the key is spent',
  async (t) => {
    const [key, body] = [randomUUID(), { email: fresh(), password }]
    const first = await signUp(key, body)
    const others = [
      () => signUp(key, { ...body, password: 'the wrong password' }),
      () => signUp(key, { ...body, email: fresh() }),
      () => signUp(key, body, { 'project-secret': app.projectSecret }),
      () => signUp(key, { ...body, display_name: null }),
    ]
    for (const other of others) {
      const refused = await other()
      isProblem(t, refused, 'idempotency_key_reused')
      t.same(refused.cookies, {})
    }
    t.same((await signUp(key, body)).body, first.body, 'the first still gets its answer')
    const guesses = await Promise.all(
      ['a', 'b', 'c', 'd'].map((letter) => signUp(key, { ...body, password: `password ${letter}` })),
    )
    for (const guess of guesses) isProblem(t, guess, 'idempotency_key_reused')
    isProblem(t, await signUp(key, body), 'idempotency_key_reused')
    await dying()
    isProblem(t, await signUp(key, body), 'idempotency_key_reused')
  },
)

t.test('a header that is no key is refused by name; none is needed', async (t) => {
  const body = { email: fresh(), password }
  const wrong = [
    '',
    '""',
    'two words',
    '"open',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    'a, b',
    '"a", "b"',
    '"a";p=1',
    'ü',
  ]
  for (const key of wrong) isProblem(t, await signUp(key, body), 'validation_failed', ['idempotency-key'])
  t.equal(await accountsOf(body.email), 0)
  for (const key of ['x'.repeat(255), `"${'\\"'.repeat(255)}"`, '!', 'a"b\\c'])
    t.equal((await signUp(key, { email: fresh(), password })).status, 201, key.slice(0, 9))
  const without = { body: { email: fresh(), password } }
  t.equal((await app.api('POST', '/signup', without)).status, 201)
  t.equal((await app.api('POST', '/signup', without)).status, 422)
})

t.test('what is refused is not kept: the key is free for the mended request', async (t) => {
  const [key, taken] = [randomUUID(), await app.signUp()]
  isProblem(t, await signUp(key, { email: 'nobody', password }), 'validation_failed', ['email'])
  isProblem(t, await signUp(key, { email: taken.email, password }), 'validation_failed', ['email'])
  t.equal((await signUp(key, { email: fresh(), password })).status, 201)
  const who = await person()
  const make = (headers: Record<string, string>) =>
    app.api('POST', '/api-keys', { body: { name: 'A program' }, headers: under(key, headers) })
  isProblem(t, await make({}), 'unauthenticated')
  t.equal((await make(bearer(who))).status, 201)
})

t.test('sixteen at once with one key make one account and get one answer', async (t) => {
  const [key, email] = [randomUUID(), fresh()]
  const answers = await Promise.all(Array.from({ length: 16 }, () => signUp(key, { email, password })))
  const made = answers.filter(({ status }) => status === 201)
  for (const answer of answers) {
    if (answer.status === 201) t.same(answer.body, made[0]?.body)
    else isProblem(t, answer, 'idempotency_in_flight')
  }
  t.equal(made.filter((answer) => !isReplay(answer)).length, 1, 'one was carried out')
  t.equal(await accountsOf(email), 1)
  t.same((await signUp(key, { email, password })).body, made[0]?.body)
})

t.test('in flight, a repetition waits for the first; the answer comes from any instance', async (t) => {
  const other = await startTestApp(t, {
    databaseUrl: app.databaseUrl,
    env: {
      CONTRACT_PROJECT_ID: app.projectId,
      SECRET_KEY: 'a new secret, of more than thirty-two bytes',
      SECRET_KEY_PREVIOUS: testSecretKey,
    },
  })
  const [key, body] = [randomUUID(), { email: fresh(), password }]
  const elsewhere = { body, headers: under(key, { 'project-id': app.projectId }) }
  const release = await holdUsers(t)
  const first = signUp(key, body)
  await eventually('the first is under way', isUnderWay)
  const early = await other.send('POST', '/api/auth/signup', elsewhere)
  isProblem(t, early, 'idempotency_in_flight')
  t.equal(early.headers.get('retry-after'), '1')
  await release()
  const { status, body: answered } = await first
  t.equal(status, 201)
  const late = await other.send('POST', '/api/auth/signup', elsewhere)
  t.ok(isReplay(late), 'under a new master secret as well, where it knows the previous one')
  t.same(late.body, answered)
})

t.test(
  'a service that is killed in flight locks no key for ever; the same request takes it over',
  async (t) => {
    const env = { DATABASE_URL: app.databaseUrl, SECRET_KEY: testSecretKey }
    const doomed = await startService(t, { dataDir: await temporaryDataDir(t), env })
    const [key, body] = [randomUUID(), { email: fresh(), password }]
    const release = await holdUsers(t)
    const lost = ask(doomed, 'POST', '/signup', {
      body,
      headers: under(key, { 'project-id': app.projectId }),
    })
    await eventually('it is under way', isUnderWay)
    await doomed.kill()
    t.equal(await lost, null)
    await release()
    isProblem(t, await signUp(key, body), 'idempotency_in_flight')
    await dying()
    isProblem(t, await signUp(key, { ...body, email: fresh() }), 'idempotency_key_reused')
    const taken = await Promise.all([1, 2, 3, 4].map(() => signUp(key, body)))
    t.equal(taken.filter((answer) => answer.status === 201 && !isReplay(answer)).length, 1)
    t.equal(await accountsOf(body.email), 1)
    // Where it died between its work and its answer, the work is found done.
    await dying()
    isProblem(t, await signUp(key, body), 'validation_failed', ['email'])
  },
)

t.test('after a day the key is new', async (t) => {
  const [key, body] = [randomUUID(), { email: fresh(), password }]
  t.equal((await signUp(key, body)).status, 201)
  await app.sql`update idempotency_keys set expires_at = now()`
  isProblem(t, await signUp(key, body), 'validation_failed', ['email'])
  t.equal((await signUp(key, { email: fresh(), password })).status, 201)
})

t.test('one key in two projects, and on two routes, is two keys', async (t) => {
  const other = await app.project()
  const [key, body] = [randomUUID(), { email: fresh(), password }]
  const here = await signUp(key, body)
  const there = await signUp(key, body, { 'project-id': other.id })
  t.same([there.status, isReplay(there)], [201, false])
  t.not(there.body.user.uuid, here.body.user.uuid)
  const asked = await app.api('POST', '/forgot-password', {
    body: { email: body.email },
    headers: under(key),
  })
  t.same([asked.status, isReplay(asked)], [202, false])
})

t.test('a known and an unknown address are answered alike, the first time and again', async (t) => {
  const known = fresh()
  const send = (path: string, key: string, body: object) =>
    app.api('POST', path, { body, headers: under(key, { 'project-id': strict.id }) })
  await send('/signup', randomUUID(), { email: known, password })
  for (const [path, more] of [
    ['/signup', { password }],
    ['/forgot-password', {}],
  ] as const) {
    const seen = []
    for (const email of [known, fresh()]) {
      const key = randomUUID()
      for (const isAgain of [false, true]) {
        const answer = await send(path, key, { email, ...more })
        t.same([answer.status, isReplay(answer)], [202, isAgain])
        seen.push([Object.keys(answer.body), headerNames(answer).filter((name) => !/replayed/.test(name))])
      }
    }
    for (const each of seen) t.same(each, seen[0], path)
  }
})

t.test('a forgotten password: one mail, and its single-use token answers its repetition', async (t) => {
  const who = await app.signUp()
  const key = randomUUID()
  for (let i = 0; i < 3; i++) {
    await app.api('POST', '/forgot-password', { body: { email: who.email }, headers: under(key) })
    await app.sql`update cooldowns set last_at = now() - interval '1 day'`
  }
  const owed =
    await app.sql`select 1 from outbox where user_id = ${who.body.user.id} and kind = 'reset_password'`
  t.equal(owed.length, 1)
  const token = await eventually('the mail', async () => {
    const mails = (await app.mailbox.all()).filter(({ to }) => to === who.email)
    return mails.find(({ kind }) => kind === 'reset_password')?.token
  })
  const reset = (headers: Record<string, string>, chosen = 'another good password') =>
    app.api('POST', '/reset-password', { body: { token, password: chosen }, headers })
  const first = await reset(under(key))
  const again = await reset(under(key))
  t.same([first.status, again.status, isReplay(again), again.body], [200, 200, true, first.body])
  isProblem(t, await reset(under(key), 'a third good password'), 'idempotency_key_reused')
  isProblem(t, await reset({}), 'validation_failed', ['token'])
  const login = { body: { email: who.email, password: 'another good password' } }
  t.equal((await app.api('POST', '/login', login)).status, 200)
})

t.test('an API key is made once and shown again to its user alone, while they are signed in', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const key = randomUUID()
  const make = (who: Answer, name = 'A program') =>
    app.api('POST', '/api-keys', { body: { name }, headers: under(key, bearer(who)) })
  const made = await make(ada)
  const again = await make(ada)
  t.equal(made.status, 201)
  t.same([isReplay(again), again.body], [true, made.body])
  const his = await make(bob)
  t.same([his.status, isReplay(his)], [201, false])
  t.not(his.body.plain_text_key, made.body.plain_text_key)
  isProblem(t, await make(ada, 'Another'), 'idempotency_key_reused')
  t.equal((await app.api('GET', '/api-keys', { headers: bearer(ada) })).body.data.length, 1)
  await app.api('POST', '/logout-all', { headers: bearer(ada) })
  isProblem(t, await make(ada), 'unauthenticated')
  const kept = () => app.sql`select 1 from idempotency_keys where user_id = ${ada.body.user.id}`
  t.equal((await kept()).length, 1)
  await app.sql`delete from users where id = ${ada.body.user.id}`
  t.equal((await kept()).length, 0, 'it goes with the account')
})

t.test('teams: one team, one invitation, one mail; the ids in a path are part of the request', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const key = randomUUID()
  const post = (who: Answer, path: string, body: unknown, headers: Record<string, string> = {}) =>
    as(who, 'POST', path, body, { headers: under(key, headers) })
  const teams = [
    await post(ada, '/teams', { name: 'Rockets' }),
    await post(ada, '/teams', { name: 'Rockets' }),
  ]
  t.same(teams[1]?.body, teams[0]?.body)
  t.equal((await as(ada, 'GET', '/teams')).body.data.length, 1)
  const [{ id }, second] = [teams[0]?.body ?? {}, await team(ada, 'Satellites')]
  const invite = (at: string) => post(ada, `/teams/${at}/invitations`, { email: bob.email, role: 'VIEWER' })
  const invited = [await invite(id), await invite(id)]
  t.equal(invited[0]?.status, 202)
  t.same(invited[1]?.body, invited[0]?.body)
  isProblem(t, await invite(second), 'idempotency_key_reused')
  t.equal(
    (await app.sql`select 1 from outbox where recipient = ${bob.email} and kind = 'team_invitation'`).length,
    1,
  )
  const { token } = await invitationMail(bob.email)
  const joined = [
    await post(bob, '/team-invitations/accept', { token }),
    await post(bob, '/team-invitations/accept', { token }),
  ]
  t.same(
    joined.map(({ status, body }) => [status, body.role]),
    [
      [200, 'VIEWER'],
      [200, 'VIEWER'],
    ],
  )
  isProblem(t, await as(bob, 'POST', '/team-invitations/accept', { token }), 'validation_failed', ['token'])
  const eve = await person()
  const add = (headers: Record<string, string>) =>
    post(ada, `/teams/${second}/members`, { email: eve.email, role: 'VIEWER' }, headers)
  const added = await add({ 'project-secret': app.projectSecret })
  t.same([added.status, (await add({ 'project-secret': app.projectSecret })).body], [201, added.body])
  isProblem(t, await add({}), 'idempotency_key_reused')
})

t.test('nothing rests that could be read: no key, no address, no token', async (t) => {
  const [key, email] = [randomUUID(), fresh()]
  const { body } = await signUp(key, { email, password })
  const dump = await rows()
  t.ok(dump.length > 3)
  const text = dump
    .flatMap((row) => Object.values(row))
    .map((value) =>
      Buffer.isBuffer(value) ? `${value.toString('latin1')} ${value.toString('base64')}` : String(value),
    )
    .join('\n')
  for (const secret of [
    key,
    email,
    password,
    body.access_token,
    body.refresh_token,
    body.user.uuid,
    '"email"',
  ])
    t.notOk(text.includes(secret), secret.slice(0, 9))
  t.notOk(JSON.stringify(app.logs).includes(key), 'nor in a log line')
})

t.test('a repetition counts like any request', async (t) => {
  const { id } = await app.project({ limits: { credential: { max: 3, window_seconds: 900 } } })
  const [key, body] = [randomUUID(), { email: fresh(), password }]
  const answers = []
  for (let i = 0; i < 4; i++) answers.push(await signUp(key, body, { 'project-id': id }))
  t.same(
    answers.map(({ status }) => status),
    [201, 201, 201, 429],
  )
})

t.test('an answer that cannot be kept is given all the same', async (t) => {
  await app.sql.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin raise 'full'; end $$;
    create trigger refuse before update on idempotency_keys for each row execute function refuse()`)
  const [key, body] = [randomUUID(), { email: fresh(), password }]
  t.equal((await signUp(key, body)).status, 201)
  await app.sql`drop trigger refuse on idempotency_keys`
  isProblem(t, await signUp(key, body), 'idempotency_in_flight')
  t.ok(app.logs.some(({ msg }) => /could not be kept/.test(String(msg))))
})
