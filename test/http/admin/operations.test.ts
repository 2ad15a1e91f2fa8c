// Teams, mails, signing keys, the security log and statistics by the admin API.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { operatorsProjectId } from '../../../src/domain/projects/operators-project.ts'
import { startTestApp } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { adminWith, basic, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t)
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])
const project = `/projects/${app.projectId}`
const uuidOf = (answer: { body: { user: { uuid: string } } }) => answer.body.user.uuid

t.test('teams and their members', async (t) => {
  const admin = await newOperator(app, ['admin', app.projectId])
  const made = await admin.admin('POST', `${project}/teams`, { body: { name: '</script>' } })
  t.match(made.body, { name: '</script>', member_count: 0 })
  const path = `${project}/teams/${made.body.id}`
  t.equal((await admin.admin('PATCH', path, { body: { name: 'Rockets' } })).body.name, 'Rockets')
  const made2 = await admin.admin('POST', `${project}/users`, {
    body: { email: 'ada@example.com', verified: true },
  })
  const added = await admin.admin('POST', `${path}/members`, {
    body: { email: 'ada@example.com', role: 'ADMIN' },
  })
  t.equal(added.status, 201)
  isProblem(
    t,
    await admin.admin('POST', `${path}/members`, { body: { email: 'no@example.com', role: 'ADMIN' } }),
    'validation_failed',
    ['email'],
  )
  const member = `${path}/members/${made2.body.uuid}`
  isProblem(t, await admin.admin('PATCH', member, { body: { role: 'VIEWER' } }), 'team_admin_needed')
  isProblem(t, await admin.admin('DELETE', member), 'team_admin_needed')
  t.equal((await admin.admin('GET', `${path}/members`)).body.data[0].role, 'ADMIN')
  t.ok(
    (await admin.admin('GET', `${project}/teams`)).body.data.some(
      ({ id }: { id: string }) => id === made.body.id,
    ),
  )
  isProblem(t, await admin.admin('GET', `${project}/teams/${randomUUID()}`), 'not_found')
  isProblem(t, await admin.admin('GET', `${project}/teams/x/members`), 'not_found')
  const other = await app.project()
  isProblem(t, await owner.admin('GET', `/projects/${other.id}/teams/${made.body.id}`), 'not_found')
  t.equal((await admin.admin('DELETE', path)).status, 204)
  isProblem(t, await admin.admin('GET', path), 'not_found')
})

t.test('mails that were given up are listed and sent again, each in its own project', async (t) => {
  const user = await app.signUp()
  await eventually('the mail is sent', async () => {
    const rows =
      await app.sql`select id from outbox where sent_at is not null and user_id = (select id from users where uuid = ${uuidOf(user)})`
    return rows.length > 0
  })
  const [mail] =
    await app.sql`update outbox set sent_at = null, dead_at = now(), last_error = 'away' where user_id = (select id from users where uuid = ${uuidOf(user)}) returning id`
  const listed = await owner.admin('GET', `${project}/mails?state=dead`)
  t.match(listed.body.data, [{ id: mail?.id, to: user.email, last_error: 'away', next_attempt_at: null }])
  t.equal(listed.body.total, 1)
  const other = await app.project()
  isProblem(t, await owner.admin('POST', `/projects/${other.id}/mails/${mail?.id}/retry`), 'not_found')
  isProblem(t, await owner.admin('POST', `${project}/mails/nothing/retry`), 'not_found')
  t.equal((await owner.admin('POST', `${project}/mails/${mail?.id}/retry`)).status, 204)
  t.equal((await owner.admin('GET', `${project}/mails?state=dead`)).body.total, 0)
})

t.test('signing keys are for operators of the whole installation', async (t) => {
  const admin = await newOperator(app, ['owner', app.projectId])
  isProblem(t, await admin.admin('GET', `${project}/keys`), 'insufficient_role')
  isProblem(
    t,
    await adminWith(app, basic(app.projectId, app.projectSecret))('GET', `${project}/keys`),
    'insufficient_role',
  )
  const before = await owner.admin('GET', `${project}/keys`)
  const stateOf = (body: typeof before.body, state: string) =>
    body.data.find((key: { state: string }) => key.state === state)
  isProblem(t, await owner.admin('POST', `${project}/keys/rotate`), 'signing_key_too_young')
  const rotated = await owner.admin('POST', `${project}/keys/rotate`, { body: { force: true } })
  t.equal(stateOf(rotated.body, 'current').kid, stateOf(before.body, 'next').kid)
  await app.running.checkKeys()
  const { kid } = stateOf(rotated.body, 'previous')
  t.equal((await owner.admin('POST', `${project}/keys/${kid}/revoke`)).status, 200)
  await app.running.checkKeys()
  isProblem(t, await owner.admin('GET', '/me'), 'unauthenticated')
  const [act] = await app.sql`select details from security_log where event = 'signing_key_revoked'`
  t.equal(act?.details.by, owner.uuid)
})

t.test('the security log', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const auditor = await newOperator(app, ['auditor', app.projectId])
  const user = await app.signUp()
  await app.api('POST', '/login', { body: { email: user.email, password: 'wrong password' } })
  await app.api('POST', '/login', {
    headers: { 'user-agent': '=cmd|calc, "x"' },
    body: { email: user.email, password: user.password },
  })
  await app.api('POST', '/login', { body: { email: 'nobody@example.com', password: 'wrong password' } })
  await owner.admin('POST', `${project}/users/${uuidOf(user)}/verify`)
  const search = (query: Record<string, string>) =>
    auditor.admin('GET', `/audit?${new URLSearchParams({ project: app.projectId, ...query })}`)
  const events = (answer: { body: { data: { event: string }[] } }) =>
    answer.body.data.map(({ event }) => event)

  t.test('is searched by account, address, event, actor, operator, network and time', async (t) => {
    t.same(events(await search({ user: uuidOf(user) })), [
      'email_verified',
      'signed_in',
      'sign_in_refused',
      'signed_up',
    ])
    t.same(events(await search({ user: user.email, outcome: 'refused' })), ['sign_in_refused'])
    t.same(events(await search({ user: 'nobody@example.com' })), ['sign_in_refused'])
    t.same(events(await search({ user: uuidOf(user), event: 'signed_in' })), ['signed_in'])
    t.same(events(await search({ user: uuidOf(user), actor: 'operator' })), ['email_verified'])
    t.same(events(await search({ by: owner.uuid })).at(0), 'email_verified')
    t.ok(events(await search({ address: '127.0.0.1' })).length > 3)
    t.same(events(await search({ address: '203.0.113.7' })), [])
    t.same(events(await search({ since: new Date(Date.now() + 60_000).toISOString() })), [])
    t.same(events(await search({ until: new Date(Date.now() - 3_600_000).toISOString() })), [])
    isProblem(t, await search({ user: 'no person' }), 'validation_failed', ['user'])
    isProblem(t, await search({ since: '2016-12-31T23:59:60Z' }), 'validation_failed', ['since'])
    isProblem(t, await search({ address: 'no address' }), 'validation_failed', ['address'])
    isProblem(t, await search({ since: 'today' }), 'validation_failed', ['since'])
  })

  t.test('in pages', async (t) => {
    const whole = events(await search({ limit: '200' }))
    const found: string[] = []
    let cursor: string | null = ''
    for (let page = 0; cursor !== null && page < 200; page++) {
      const answer = await search({ limit: '3', ...(cursor && { cursor }) })
      found.push(...events(answer))
      cursor = answer.body.next_cursor
    }
    t.same(found, whole)
    const { next_cursor } = (await search({ limit: '1' })).body
    isProblem(t, await search({ cursor: next_cursor, event: 'signed_in' }), 'validation_failed', ['cursor'])
    isProblem(t, await search({ cursor: 'x' }), 'validation_failed', ['cursor'])
  })

  t.test('is exported as lines of JSON and as CSV without formulas; the export is a row', async (t) => {
    const url = `/audit/export?project=${app.projectId}&user=${uuidOf(user)}`
    const lines = (await auditor.admin('GET', url)).body.trimEnd().split('\n')
    t.same(
      lines.map((line: string) => JSON.parse(line).event),
      ['email_verified', 'signed_in', 'sign_in_refused', 'signed_up'],
    )
    const csv = await auditor.admin('GET', `${url}&format=csv`)
    t.match(csv.headers.get('content-type'), /^text\/csv/)
    t.match(csv.body, /^id,at,event,outcome/)
    t.ok(csv.body.includes(`"'=cmd|calc, ""x"""`), 'a user agent is no formula')
    t.equal(csv.body.trimEnd().split('\r\n').length, 5)
    t.equal(events(await search({ event: 'log_exported' })).length, 2)
  })

  t.test('is read by those whose role allows it alone', async (t) => {
    const viewer = await newOperator(app, ['viewer', app.projectId])
    const path = `/audit?project=${app.projectId}`
    isProblem(t, await viewer.admin('GET', path), 'insufficient_role')
    isProblem(
      t,
      await auditor.admin('GET', `/audit?project=${(await app.project()).id}`),
      'project_not_found',
    )
    isProblem(t, await auditor.admin('GET', `/audit?project=${operatorsProjectId}`), 'project_not_found')
    isProblem(t, await auditor.admin('GET', '/audit?project=installation'), 'insufficient_role')
    t.equal((await owner.admin('GET', '/audit?project=installation')).status, 200)
    t.equal((await owner.admin('GET', `/audit?project=${operatorsProjectId}`)).status, 200)
    isProblem(t, await owner.admin('GET', '/audit'), 'validation_failed', ['project'])
  })

  t.test('names a row that was changed by hand', async (t) => {
    const verify = () => auditor.admin('GET', `/audit/verify?project=${app.projectId}`)
    await eventually('every row is sealed', async () => (await verify()).body.unsealed === 0)
    t.match((await verify()).body, { broken: null })
    const [row] =
      await app.sql`update security_log set event = 'signed_out' where account = ${uuidOf(user)} and event = 'sign_in_refused' returning position`
    const { broken } = (await verify()).body
    t.match(broken, new RegExp(String(row?.position)))
  })
})

t.test('statistics by day and for a period', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const { id } = await app.project({ sessions: { notify_new_device: false } })
  const headers = { 'project-id': id }
  const body = { email: 'ada@example.com', password: 'a good long password' }
  await app.send('POST', '/api/auth/signup', { headers, body })
  await app.send('POST', '/api/auth/login', { headers, body })
  await app.send('POST', '/api/auth/login', { headers, body: { ...body, password: 'wrong password' } })
  const stats = await owner.admin('GET', `/stats?project=${id}&days=2`)
  t.equal(stats.body.data.length, 2)
  t.match(stats.body.data.at(-1), {
    sign_ups: 1,
    sign_ins: { pwd: 1 },
    failures: 1,
    lockouts: 0,
    active_users: 1,
  })
  const counts = { sign_ups: 1, sign_ins: 1, failures: 1, active_users: 1 }
  const none = { sign_ups: 0, sign_ins: 0, failures: 0, active_users: 0 }
  t.same(stats.body.period, counts, 'an account is counted once, however often it signs in')
  t.same(stats.body.before, none)
  t.same(stats.body.refusals, [{ event: 'sign_in_refused', reason: 'wrong_password', count: 1 }])
  t.same(stats.body.users, { count: 1, is_more: false }, 'the accounts of other projects are not counted')
  await app.sql`update security_log set at = at - interval '2 days' where project_id = ${id}`
  const later = (await owner.admin('GET', `/stats?project=${id}&days=2`)).body
  t.same([later.period, later.before, later.refusals], [none, counts, []])
  isProblem(t, await owner.admin('GET', `/stats?project=${id}&days=91`), 'validation_failed', ['days'])
  const auditor = await newOperator(app, ['auditor', id])
  isProblem(t, await auditor.admin('GET', `/stats?project=${id}`), 'insufficient_role')
})
