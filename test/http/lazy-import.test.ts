// Lazy moves: the old system is asked for the password of an address without an account, for a period, and believed within bounds.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const secret = 'what the old system knows us by'
const password = 'the old ﬁve passwords'
/** Milliseconds that a refusal takes at least while a move lasts. */
const floorMs = 3500

interface Asked {
  readonly email: string
  readonly password: string
  readonly authorization: string | undefined
  readonly form: URLSearchParams
}
type Respond = (asked: Asked, response: ServerResponse) => void

/** The old systems of all tests, each at a path of its own. */
const systems = new Map<string, { readonly respond: Respond; readonly calls: Asked[] }>()
const old = createServer(async (request: IncomingMessage, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const isJson = request.headers['content-type'] === 'application/json'
  const form = new URLSearchParams(isJson ? '' : text)
  const given = isJson
    ? JSON.parse(text)
    : { email: form.get('username') ?? '', password: form.get('password') ?? '' }
  const asked = { ...given, authorization: request.headers.authorization, form }
  const system = systems.get(request.url ?? '')
  system?.calls.push(asked)
  system?.respond(asked, response)
})
await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${(old.address() as AddressInfo).port}`

const app = await startTestApp(t, { env: { IMPORT_SECRET_OLD: secret } })
t.teardown(() => {
  old.closeAllConnections()
  old.close()
})

const answer = (response: ServerResponse, status: number, body: unknown = {}) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

/** Knows every address, by one password. */
const honest: Respond = ({ email, password: given, authorization }, response) => {
  if (authorization !== `Bearer ${secret}` || given !== password) answer(response, 401)
  else answer(response, 200, { email, email_verified: true, first_name: 'Ada', metadata: { plan: 'pro' } })
}

let moves = 0
const inOneDay = () => new Date(Date.now() + 86_400_000).toISOString()

function moveTo(respond: Respond, keys: Record<string, unknown> = {}) {
  const path = `/${++moves}`
  const calls: Asked[] = []
  systems.set(path, { respond, calls })
  const policy = {
    verify_url: origin + path,
    verify_until: inOneDay(),
    verify_secret_env: 'IMPORT_SECRET_OLD',
    verify_private_network: true,
    ...keys,
  }
  return { calls, policy }
}

/** A project that moves away from a system of its own. */
async function moving(
  respond: Respond,
  keys: Record<string, unknown> = {},
  rest: Record<string, unknown> = {},
) {
  const { calls, policy } = moveTo(respond, keys)
  const { id } = await app.project({ import: policy, ...rest })
  const headers = { 'project-id': id }
  const signIn = async (email: string, given = password) => {
    const startedMs = performance.now()
    const answer = await app.api('POST', '/login', { headers, body: { email, password: given } })
    return { ...answer, tookMs: performance.now() - startedMs }
  }
  const accounts = () => app.sql`select * from users where project_id = ${id}`
  return { id, headers, calls, signIn, accounts }
}

const isHeld = (t: { ok(is: boolean, why: string): unknown }, { tookMs }: { tookMs: number }) =>
  t.ok(tookMs >= floorMs, `held: ${tookMs} ms`)

t.test('a right password makes the account, once, with what the old system says', async (t) => {
  const { id, calls, signIn, headers } = await moving(honest)
  const first = await signIn('Ada@Example.com ')
  t.equal(first.status, 200, JSON.stringify(first.body))
  const me = await app.api('GET', '/me', { headers: { ...headers, ...bearer(first as Answer) } })
  t.match(me.body.user ?? me.body, {
    email: 'ada@example.com',
    first_name: 'Ada',
    metadata: { plan: 'pro' },
  })
  t.equal(calls.length, 2, 'asked once, and once with a random password')
  t.match(
    calls[0],
    { email: 'ada@example.com', password, authorization: `Bearer ${secret}` },
    'as it was typed',
  )
  const [row] = await app.sql`select password_hash, role, email_proof from users where project_id = ${id}`
  t.match(row, { password_hash: /^\$argon2id\$/, role: 'user', email_proof: 'holder' })

  t.equal((await signIn('ada@example.com')).status, 200)
  t.equal((await signIn('ada@example.com', password.normalize('NFKC'))).status, 200, 'hashed as ours')
  t.equal(calls.length, 2, 'an address that has an account is never asked for')

  const logged = await app.sql`select event, details from security_log 
    where project_id = ${id} and event <> 'project_created' order by at`
  t.match(logged[0], { event: 'account_created', details: { reason: 'old_system' } })
  t.equal(logged[1]?.event, 'signed_in')
  const events = await app.sql`select type from events where project_id = ${id}`
  t.ok(
    events.some(({ type }) => type === 'user.created'),
    'the feed tells it',
  )
})

t.test('a wrong password is refused as ever, in the time that any refusal takes', async (t) => {
  const refusals = await Promise.all(
    [401, 403, 404, 422].map(async (status) => {
      const { signIn, accounts, calls } = await moving((_, response) => answer(response, status))
      const refused = await signIn('wrong@example.com')
      t.same(await accounts(), [])
      t.equal(calls.length, 1)
      return refused
    }),
  )
  for (const refused of refusals) {
    isProblem(t, refused as Answer, 'invalid_credentials')
    isHeld(t, refused)
  }
  const { id, headers, signIn, calls } = await moving(honest)
  await app.api('POST', '/signup', {
    headers,
    body: { email: 'known@example.com', password: 'a good long one' },
  })
  const [known, unknown, right] = await Promise.all([
    signIn('known@example.com', 'a wrong password'),
    signIn('unknown@example.com', 'a wrong password'),
    signIn('known@example.com', 'a good long one'),
  ])
  isProblem(t, known as Answer, 'invalid_credentials')
  t.same(known.body, { ...unknown.body, request_id: known.body.request_id })
  isHeld(t, known)
  isHeld(t, unknown)
  t.ok(Math.abs(known.tookMs - unknown.tookMs) < 700, 'known and unknown alike')
  t.equal(right.status, 200)
  t.ok(right.tookMs < 2000, 'and an account waits for nothing')
  t.same(
    calls.map(({ email }) => email),
    ['unknown@example.com'],
  )
  t.equal((await app.sql`select 1 from users where project_id = ${id}`).length, 1)
})

t.test('what is no answer refuses as a wrong password does, and is logged once', async (t) => {
  const person = (email: string) => ({ email, email_verified: true })
  const failures: Record<string, Respond> = {
    'answered 500': (_, response) => answer(response, 500),
    'answered 302': (_, response) => response.writeHead(302, { location: `${origin}/honest` }).end(),
    'more than 16 KiB': ({ email }, response) =>
      answer(response, 200, { ...person(email), metadata: { a: 'x'.repeat(17_000) } }),
    'did not answer': ({ email }, response) =>
      answer(response, 200, { ...person(email), metadata: { a: 'x'.repeat(600_000) } }),
    'no JSON object': (_, response) => response.end('yes'),
    'another address': (_, response) => answer(response, 200, person('other@example.com')),
    // Never.
    'did not answer in time': () => {},
  }
  await Promise.all(
    Object.entries(failures).map(async ([reason, respond]) => {
      const { signIn, accounts } = await moving(respond)
      const refused = await signIn('somebody@example.com')
      isProblem(t, refused as Answer, 'invalid_credentials')
      isHeld(t, refused)
      t.ok(refused.tookMs < floorMs + 1500, `${reason}: bounded`)
      t.same(await accounts(), [], reason)
    }),
  )
  for (const reason of ['answered 500', 'answered 302', '16 KiB', 'no JSON', 'another address'])
    t.equal(app.logs.filter((line) => String(line.reason).includes(reason)).length, 1, reason)
  const down = await moving((_, response) => answer(response, 503))
  await Promise.all([1, 2].map((at) => down.signIn(`down-${at}@example.com`)))
  t.equal(app.logs.filter(({ reason }) => /answered 503/.test(String(reason))).length, 1, 'once for two')
  t.notMatch(JSON.stringify(app.logs), password)
  t.notMatch(JSON.stringify(app.logs), secret)
})

t.test('a field that cannot be imported refuses, and is logged', async (t) => {
  const respond: Respond = (asked, response) =>
    asked.password === password
      ? answer(response, 200, { email: asked.email, first_name: 'x'.repeat(300) })
      : answer(response, 401)
  const { id, signIn, accounts } = await moving(respond)
  isProblem(t, (await signIn('long@example.com')) as Answer, 'invalid_credentials')
  t.same(await accounts(), [])
  t.ok(app.logs.some(({ msg, project }) => project === id && /cannot be imported/.test(String(msg))))
})

t.test('a system that says yes to everybody makes no account, and ends the move', async (t) => {
  const { id, calls, signIn, accounts } = await moving(({ email }, response) =>
    answer(response, 200, { email, email_verified: true }),
  )
  isProblem(t, (await signIn('victim@example.com')) as Answer, 'invalid_credentials')
  t.same(await accounts(), [])
  t.equal(calls.length, 2)
  const [row] = await app.sql`select policy from projects where id = ${id}`
  t.ok(Date.parse(row?.policy.import.verify_until) <= Date.now() + 1000, 'the period is over')
  t.ok(app.logs.some(({ reason }) => /takes a random password/.test(String(reason))))
  await app.running.awaitChanges()
  const again = await signIn('victim@example.com')
  isProblem(t, again as Answer, 'invalid_credentials')
  t.equal(calls.length, 2, 'it is not asked again')
  t.ok(again.tookMs < floorMs, 'and nothing is held')
})

t.test('without verify_private_network no address of the own network is called', async (t) => {
  const { calls, signIn } = await moving(honest, {
    verify_url: `https://127.0.0.1:${new URL(origin).port}/${moves + 1}`,
    verify_private_network: false,
  })
  isProblem(t, (await signIn('inside@example.com')) as Answer, 'invalid_credentials')
  t.equal(calls.length, 0)
  t.ok(app.logs.some(({ reason }) => /must not be called/.test(String(reason))))
})

t.test('a variable that is not set is told, and no password is sent', async (t) => {
  const { calls, signIn } = await moving(honest, { verify_secret_env: 'IMPORT_SECRET_FORGOTTEN' })
  isProblem(t, (await signIn('early@example.com')) as Answer, 'invalid_credentials')
  t.equal(calls.length, 0)
  t.ok(app.logs.some(({ reason }) => /IMPORT_SECRET_FORGOTTEN is not set/.test(String(reason))))
})

t.test('after the period nobody is asked', async (t) => {
  const { calls, signIn } = await moving(honest, { verify_until: '2026-01-01T00:00:00Z' })
  const refused = await signIn('late@example.com')
  isProblem(t, refused as Answer, 'invalid_credentials')
  t.ok(refused.tookMs < floorMs)
  t.equal(calls.length, 0)
})

t.test('two sign-ins at once make one account', async (t) => {
  const { signIn, accounts } = await moving(honest)
  const answers = await Promise.all([1, 2, 3].map(() => signIn('twice@example.com')))
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  t.equal((await accounts()).length, 1)
})

t.test(
  'attempts count as any others, also while the system is down; a locked address is not asked for',
  async (t) => {
    const { calls, signIn } = await moving(
      (_, response) => answer(response, 500),
      {},
      { lockout: { failures: 2 } },
    )
    const answers = await Promise.all([1, 2, 3].map(() => signIn('guessed@example.com')))
    t.same(answers.map(({ status }) => status).sort(), [401, 401, 429])
    t.equal(calls.length, 2)
    const slowest = Math.max(...answers.map(({ tookMs }) => tookMs))
    isHeld(t, { tookMs: slowest })
    t.equal((await signIn('guessed@example.com')).status, 429)
    t.equal(calls.length, 2)
  },
)

t.test('an address that is not verified there is not verified here', async (t) => {
  const respond: Respond = ({ email, password: given }, response) =>
    given === password ? answer(response, 200, { email }) : answer(response, 401)
  const { signIn, accounts } = await moving(respond, {}, { verification: { mode: 'strict' } })
  isProblem(t, (await signIn('unproven@example.com')) as Answer, 'email_verification_required')
  t.match(await accounts(), [{ email: 'unproven@example.com', email_verified_at: null, email_proof: null }])
})

t.test('a UUID as `sub` becomes the account’s; one that is taken makes no account', async (t) => {
  const sub = 'B9C3A6C8-3B0E-4E50-9C63-0C2B7C9A1D11'
  const respond: Respond = ({ email, password: given }, response) =>
    given === password ? answer(response, 200, { email, sub }) : answer(response, 401)
  const { signIn, accounts } = await moving(respond)
  const first = await signIn('first@example.com')
  t.equal(first.status, 200)
  t.match(await accounts(), [{ uuid: sub.toLowerCase() }])
  isProblem(t, (await signIn('second@example.com')) as Answer, 'invalid_credentials')
  t.equal((await accounts()).length, 1)
})

t.test('closed sign-up lets people who move in, and a sign-up is what it was', async (t) => {
  const { headers, signIn } = await moving(honest, {}, { sign_up: 'closed' })
  const body = { email: 'new@example.com', password: 'a good long one' }
  isProblem(t, await app.api('POST', '/signup', { headers, body }), 'sign_up_closed')
  t.equal((await signIn('moved@example.com')).status, 200)
})

t.test('a second factor that the policy demands is due', async (t) => {
  const { signIn } = await moving(honest, {}, { factors: { required: 'always' } })
  isProblem(t, (await signIn('factor@example.com')) as Answer, 'second_factor_required')
})

t.test('a token endpoint: the password grant with an id_token', async (t) => {
  const jwt = (claims: unknown) =>
    ['{}', JSON.stringify(claims), ''].map((part) => Buffer.from(part).toString('base64url')).join('.')
  const respond: Respond = ({ email, password: given, form, authorization }, response) => {
    const basic = Buffer.from(`mover:${secret.replaceAll(' ', '+')}`).toString('base64')
    if (authorization !== `Basic ${basic}`) return answer(response, 401, { error: 'invalid_client' })
    t.equal(form.get('grant_type'), 'password')
    if (given !== password) return answer(response, 401, { error: 'invalid_grant' })
    const aud = email.startsWith('other') ? 'another client' : 'mover'
    const claims = { aud, email, email_verified: true, given_name: 'Ada', family_name: 'Lovelace' }
    return answer(response, 200, { access_token: 'x', id_token: jwt(claims) })
  }
  const keys = { verify_kind: 'password_grant', verify_client_id: 'mover' }
  const { signIn, accounts } = await moving(respond, keys)
  t.equal((await signIn('granted@example.com')).status, 200)
  t.match(await accounts(), [{ first_name: 'Ada', last_name: 'Lovelace', email_proof: 'holder' }])
  const [wrong, other] = await Promise.all([
    signIn('wrong@example.com', 'a wrong password'),
    signIn('other@example.com'),
  ])
  isProblem(t, wrong as Answer, 'invalid_credentials')
  isProblem(t, other as Answer, 'invalid_credentials')
  t.ok(app.logs.some(({ reason }) => /no id_token for the client mover/.test(String(reason))))
  t.equal((await accounts()).length, 1)
})

t.test('every product’s clients and the pages move people; other proofs of a password do not', async (t) => {
  const { calls, policy } = moveTo(honest)
  await app.setPolicy({ import: policy })
  for (const path of ['/nora/auth/login', '/credebl/auth/signin', '/nodeloom/api/auth/login']) {
    const email = `from${path.replaceAll('/', '-')}@example.com`
    t.equal((await app.send('POST', path, { body: { email, password } })).status, 200, path)
  }
  const page = await app.send('POST', `/sign-in?project=${app.projectId}`, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email: 'from-page@example.com', password }).toString(),
  })
  t.ok(page.status < 400, `the page: ${page.status}`)
  const asked = calls.length
  const change = { email: 'unmoved@example.com', oldPassword: password, newPassword: 'another good one' }
  const refused = await app.send('POST', '/credebl/auth/reset-password', { body: change })
  t.ok(refused.status >= 400)
  t.equal(calls.length, asked)
  const rows = await app.sql`select 1 from users where email like 'from-%'`
  t.equal(rows.length, 4)
})
