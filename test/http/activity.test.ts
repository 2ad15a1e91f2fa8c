// GET /me/activity: what happened to one's own account, page by page, and never what happened to another's.
import t from 'tap'
import { deviceOf } from '../../src/http/device.ts'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const activity = (who: Answer, query = '') => app.api('GET', `/me/activity${query}`, { headers: bearer(who) })
const add = (who: Answer, count: number) =>
  app.sql`insert into audit_events (project_id, user_id, event)
    select ${app.projectId}, ${who.body.user.id}, 'profile_updated' from generate_series(1, ${count})`
const idsOf = (answer: Answer): number[] => answer.body.data.map(({ id }: { id: number }) => id)

t.test(
  'GET /me/activity · 200 · what happened, where from and by which device, the newest first',
  async (t) => {
    const { email, password } = await app.signUp()
    const signedIn = await app.api('POST', '/login', {
      headers: { 'user-agent': firefox },
      body: { email, password },
    })
    await app.api('PATCH', '/profile', {
      headers: { ...bearer(signedIn), 'user-agent': firefox },
      body: { first_name: 'Ada' },
    })
    const { status, body } = await activity(signedIn)
    t.equal(status, 200)
    t.same(Object.keys(body), ['data', 'next_cursor'])
    t.equal(body.next_cursor, null)
    t.same(
      body.data.map(({ event }: { event: string }) => event),
      ['profile_updated', 'signed_in', 'signed_up'],
    )
    const [updated, signed] = body.data
    t.same(Object.keys(updated).sort(), [
      'address_prefix',
      'api_key_id',
      'created_at',
      'device',
      'event',
      'id',
      'outcome',
      'session_id',
      'team_id',
    ])
    t.match(updated, {
      outcome: 'success',
      address_prefix: '127.0.0.0/24',
      device: { browser: 'Firefox', os: 'Linux', kind: 'desktop' },
    })
    t.equal(updated.session_id, signed.session_id)
  },
)

t.test('GET /me/activity · 200 · page by page, without a gap and without a repetition', async (t) => {
  const who = await app.signUp()
  await add(who, 120)
  const seen: number[] = []
  let pages = 0
  for (let cursor = ''; pages < 10; pages++) {
    const page = await activity(who, `?limit=25${cursor}`)
    t.equal(page.status, 200)
    seen.push(...idsOf(page))
    // What happens meanwhile is newer, and so on no later page.
    await add(who, 3)
    if (page.body.next_cursor === null) break
    t.equal(page.body.data.length, 25)
    cursor = `&cursor=${page.body.next_cursor}`
  }
  t.equal(seen.length, 121)
  t.same(
    seen,
    [...new Set(seen)].sort((a, b) => b - a),
  )
  t.equal((await activity(who)).body.data.length, 50, 'fifty where nothing is said')
  t.equal((await activity(who, '?limit=100')).body.data.length, 100)
  t.equal((await activity(who, '?limit=1')).body.data.length, 1)
})

t.test('GET /me/activity · 200 · the last page is the last even where it is full', async (t) => {
  const who = await app.signUp()
  await add(who, 9)
  const page = await activity(who, '?limit=10')
  t.equal(page.body.data.length, 10)
  t.equal(page.body.next_cursor, null)
})

t.test('GET /me/activity · 422 · a limit out of bounds', async (t) => {
  const who = await app.signUp()
  for (const limit of ['0', '101', '-1', '1.5', 'x', '', '1e9', '9'.repeat(30)])
    isProblem(t, await activity(who, `?limit=${limit}`), 'validation_failed', ['limit'])
  isProblem(t, await activity(who, '?limit=1&limit=2'), 'validation_failed', ['limit'])
})

t.test('GET /me/activity · 422 · a cursor that no page gave', async (t) => {
  const who = await app.signUp()
  const print = (text: string) => Buffer.from(text).toString('base64url')
  const bad = [
    '',
    'x',
    '%00',
    '0',
    ...['0', '-1', '1.5', '1e3', '0x10', ' 1', '01', 'NaN', '9'.repeat(20), "1' or '1'='1"].map(print),
    `${print('12')}=`,
    'x'.repeat(500),
  ]
  for (const cursor of bad)
    isProblem(t, await activity(who, `?cursor=${encodeURIComponent(cursor)}`), 'validation_failed', [
      'cursor',
    ])
  isProblem(t, await activity(who, '?cursor=MQ&cursor=MQ'), 'validation_failed', ['cursor'])
})

t.test('GET /me/activity · never shows what is another’s, by whatever cursor', async (t) => {
  const [who, stranger] = [await app.signUp(), await app.signUp()]
  await add(stranger, 5)
  const theirs = await activity(stranger, '?limit=2')
  const answer = await activity(who, `?cursor=${theirs.body.next_cursor}&user_id=${stranger.body.user.id}`)
  t.equal(answer.status, 200)
  for (const id of idsOf(answer)) t.notOk(idsOf(await activity(stranger)).includes(id))
  t.same(idsOf(answer), idsOf(await activity(who)))
})

t.test('GET /me/activity · 401 · not signed in, or in another project', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  isProblem(t, await app.api('GET', '/me/activity'), 'unauthenticated')
  const headers = { ...bearer(who), 'project-id': other.id }
  isProblem(t, await app.api('GET', '/me/activity', { headers }), 'unauthenticated')
})

t.test('a device is told from its agent', async (t) => {
  const known: [string | null, ReturnType<typeof deviceOf>][] = [
    [firefox, { browser: 'Firefox', os: 'Linux', kind: 'desktop' }],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      { browser: 'Safari', os: 'iOS', kind: 'mobile' },
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Safari/604.1',
      { browser: 'Safari', os: 'iOS', kind: 'tablet' },
    ],
    [
      'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
      { browser: 'Googlebot', os: null, kind: 'bot' },
    ],
    ['curl/8.5.0', { browser: null, os: null, kind: 'other' }],
    ['', { browser: null, os: null, kind: 'other' }],
    [null, { browser: null, os: null, kind: 'other' }],
  ]
  for (const [agent, device] of known) t.same(deviceOf(agent), device, String(agent).slice(0, 40))
  t.equal(deviceOf(firefox), deviceOf(firefox), 'and told once')
})

t.test('no agent takes long, and many agents leave no trace', async (t) => {
  const began = process.cpuUsage()
  const pieces = [
    '(',
    'x;',
    '/',
    'version/',
    'android ',
    'msie ',
    ' like android',
    'safari/ ',
    '1.',
    'opera\t',
    '😀',
    '<script>',
  ]
  for (const piece of pieces) deviceOf(`Mozilla/5.0 (${piece.repeat(16_000 / piece.length)}`)
  for (let agent = 0; agent < 5000; agent++) deviceOf(`agent ${agent}`)
  t.ok(process.cpuUsage(began).user < 3_000_000, 'in microseconds of a core')
})
