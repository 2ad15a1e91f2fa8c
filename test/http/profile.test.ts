// PATCH /profile: piece by piece, within bounds, one after the other; and the language a sign-up is made in.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const patch = (who: Answer, body: unknown) => app.api('PATCH', '/profile', { headers: bearer(who), body })
const me = async (who: Answer) => (await app.api('GET', '/me', { headers: bearer(who) })).body.user
const row = async (who: { email: string }) =>
  (await app.sql`select * from users where email = ${who.email}`).at(0) ?? {}
const events = async (who: { email: string }) =>
  app.sql`select * from audit_events where event = 'profile_updated'
    and user_id = (select id from users where email = ${who.email})`

t.test('PATCH /profile · 200 · changes what is named and leaves the rest', async (t) => {
  const who = await app.signUp({ display_name: 'Ada', first_name: 'Ada', metadata: { plan: 'free' } })
  const before = await me(who)
  const answer = await patch(who, { display_name: 'Countess', last_name: 'Lovelace' })
  t.equal(answer.status, 200)
  t.same(answer.body, { user: { ...before, display_name: 'Countess', last_name: 'Lovelace' } })
  t.same(await me(who), answer.body.user)
  t.same((await patch(who, { first_name: null })).body.user.first_name, null)
})

t.test('PATCH /profile · 200 · unknown fields are ignored, never stored', async (t) => {
  const who = await app.signUp()
  const before = await me(who)
  const sly = {
    id: 1,
    uuid: before.uuid,
    email: 'x@example.com',
    role: 'admin',
    email_verified_at: '2026-01-01T00:00:00.000Z',
  }
  const answer = await patch(who, {
    ...sly,
    provider: 'x',
    avatar_url: 'https://example.com/',
    first_name: 'Ada',
  })
  t.same(answer.body.user, { ...before, first_name: 'Ada' })
})

t.test('PATCH /profile · 200 · by cookie', async (t) => {
  const { email, password } = await app.signUp()
  const headers = { 'session-transport': 'cookie' }
  const signedIn = await app.api('POST', '/login', { headers, body: { email, password } })
  const cookie = cookieHeader(signedIn)
  const answer = await app.api('PATCH', '/profile', { headers: cookie, body: { first_name: 'Ada' } })
  t.equal(answer.body.user.first_name, 'Ada')
  const foreign = { ...cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  isProblem(
    t,
    await app.api('PATCH', '/profile', { headers: foreign, body: { first_name: 'Eve' } }),
    'cross_site_request',
  )
})

t.test('PATCH /profile · 200 · metadata is a merge patch, by the examples of RFC 7396', async (t) => {
  const cases: [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 'b' }, {}, { a: 'b' }],
  ]
  for (const [target, change, wanted] of cases) {
    const who = await app.signUp({ metadata: target })
    const answer = await patch(who, { metadata: change })
    t.same(answer.body.user.metadata, wanted, JSON.stringify([target, change]))
  }
})

t.test('PATCH /profile · 200 · names are text: HTML and line breaks are kept as they are', async (t) => {
  const who = await app.signUp()
  for (const name of [
    '<script>alert(1)</script>',
    'Ada\r\nBcc: everybody@example.com',
    '"; drop table users; --',
    '😀'.repeat(255),
  ]) {
    const answer = await patch(who, { display_name: name })
    t.equal(answer.body.user.display_name, name)
    t.match(answer.headers.get('content-type'), /^application\/json/)
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    t.equal((await me(who)).display_name, name)
  }
})

t.test('PATCH /profile · 422 · a body that names nothing', async (t) => {
  const who = await app.signUp()
  for (const body of [{}, { nickname: 'Ada' }, '', undefined])
    isProblem(t, await patch(who, body), 'validation_failed', ['body'])
  t.equal((await events(who)).length, 0)
})

t.test('PATCH /profile · 422 · what is no name, no object, no language', async (t) => {
  const who = await app.signUp({ metadata: { plan: 'free' } })
  const before = await me(who)
  const refused: [string, unknown][] = [
    ['display_name', 1],
    ['display_name', 'x'.repeat(256)],
    ['first_name', {}],
    ['last_name', ['Lovelace']],
    ['display_name', 'a\0b'],
    ['metadata', null],
    ['metadata', []],
    ['metadata', 'plan'],
    ['metadata', { name: '\ud800' }],
    ['locale', ''],
    ['locale', 'not a language'],
    ['locale', 'de_DE\r\n'],
    ['locale', `de-${'x'.repeat(40)}`],
    ['locale', 5],
  ]
  for (const [field, value] of refused)
    isProblem(t, await patch(who, { first_name: 'Eve', [field]: value }), 'validation_failed', [field])
  t.same(await me(who), before, 'nothing was changed')
})

t.test('PATCH /profile · 400 · keys that reach for prototypes', async (t) => {
  const who = await app.signUp({ metadata: { plan: 'free' } })
  for (const metadata of [
    '{"__proto__":{"admin":true}}',
    '{"a":{"__proto__":{"admin":true}}}',
    '{"\\u005f_proto__":{"admin":true}}',
    '{"constructor":{"prototype":{"admin":true}}}',
  ])
    isProblem(t, await patch(who, `{"metadata":${metadata}}`), 'malformed_request')
  const odd = { constructor: 'Ford', toString: 'x', hasOwnProperty: null, valueOf: { a: null } }
  t.same((await patch(who, { metadata: odd })).body.user.metadata, {
    plan: 'free',
    constructor: 'Ford',
    toString: 'x',
    valueOf: {},
  })
  t.equal(({} as Record<string, unknown>).admin, undefined)
})

t.test('PATCH /profile · 422 · metadata stays within 16 KiB after merging, and 32 deep', async (t) => {
  const who = await app.signUp({ metadata: { a: 'x'.repeat(10_000) } })
  isProblem(t, await patch(who, { metadata: { b: 'x'.repeat(10_000) } }), 'validation_failed', ['metadata'])
  isProblem(t, await patch(who, { metadata: { b: 'x'.repeat(17_000) } }), 'validation_failed', ['metadata'])
  t.same(Object.keys((await me(who)).metadata), ['a'])
  const answer = await patch(who, { metadata: { a: null, b: 'x'.repeat(16_384 - '{"b":""}'.length) } })
  t.equal(answer.status, 200, 'what fits after merging is taken, to the byte')
  isProblem(t, await patch(who, { metadata: { b: null, c: 'ü'.repeat(8190) } }), 'validation_failed', [
    'metadata',
  ])
  const deep = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
  isProblem(t, await patch(who, { metadata: deep(33) }), 'validation_failed', ['metadata'])
  t.equal((await patch(who, { metadata: { b: null, ...deep(32) } })).status, 200)
})

t.test('PATCH /profile · 200 · the language of the mail, in its one spelling', async (t) => {
  const who = await app.signUp()
  for (const [given, kept] of [
    ['de', 'de'],
    ['DE-at', 'de-AT'],
    ['zh-hant-tw', 'zh-Hant-TW'],
    ['tlh', 'tlh'],
    [null, null],
  ]) {
    t.equal((await patch(who, { locale: given })).status, 200)
    t.equal((await row(who)).locale, kept)
  }
})

t.test('POST /signup · keeps the first of our languages that the browser asks for', async (t) => {
  const cases: [string, string | null][] = [
    ['de-AT,de;q=0.9,en;q=0.8', 'de'],
    ['da, en-gb;q=0.8, fr;q=0.9', 'fr'],
    ['ZH-Hant', 'zh'],
    ['pt-BR,pt;q=0.9', null],
    ['*', null],
    ['de;q=0, en;q=0.1', 'en'],
    ['en;q=x, ar;q=0.2', 'ar'],
    [';;;,,,q=1', null],
    [`${'xx,'.repeat(1000)}de`, null],
  ]
  for (const [header, kept] of cases) {
    const body = {
      email: `lang-${Math.random().toString(36).slice(2)}@example.com`,
      password: 'a good long password',
    }
    const answer = await app.api('POST', '/signup', { headers: { 'accept-language': header }, body })
    t.equal(answer.status, 201)
    t.equal((await row(body)).locale, kept, header.slice(0, 40))
  }
})

t.test('PATCH /profile · 401 · not signed in, or no longer', async (t) => {
  const who = await app.signUp()
  isProblem(t, await app.api('PATCH', '/profile', { body: { first_name: 'Eve' } }), 'unauthenticated')
  await app.api('POST', '/logout', { headers: bearer(who) })
  isProblem(t, await patch(who, { first_name: 'Eve' }), 'unauthenticated')
})

t.test('PATCH /profile · a project is a wall', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  const headers = { ...bearer(who), 'project-id': other.id }
  isProblem(
    t,
    await app.api('PATCH', '/profile', { headers, body: { first_name: 'Eve' } }),
    'unauthenticated',
  )
  t.equal((await me(who)).first_name, null)
})

t.test('PATCH /profile · is in the audit, with the session and without a value', async (t) => {
  const who = await app.signUp()
  await patch(who, { display_name: 'Ada' })
  const [event] = await events(who)
  t.match(event, { event: 'profile_updated', outcome: 'success', address_prefix: '127.0.0.0/24' })
  t.ok(event?.session_id)
  t.notMatch(JSON.stringify(event), 'Ada')
})

t.test('patches that meet all survive', async (t) => {
  const who = await app.signUp()
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, at) => patch(who, { metadata: { [`key${at}`]: { at } } })),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  const { metadata } = await me(who)
  for (let at = 0; at < 16; at++) t.same(metadata[`key${at}`], { at })
  t.equal((await events(who)).length, 16)
})
